// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "base/unique_fd.hpp"
#include "record/channel_description.hpp"

namespace drvbus::device {

/// The device is not there (any more). It may come back.
class AbsentError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The device cannot be used before somebody changes something; trying again is no use.
class UnusableError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A device that is open, without blocking.
struct OpenedDevice {
    UniqueFd fd;
    bool ring = false;           ///< has drvbus's ring behind it and answers drvbus's ioctls
    std::uint64_t position = 0;  ///< of a ring: sequence of the first event that is not committed; 0: all are to come
    std::uint64_t instance = 0;  ///< differs from that of any other device behind this node since boot
};

/// An instance for a device that knows of none: the time.
[[nodiscard]] std::uint64_t new_instance_id() noexcept;

/// Whether `node` is what is open as `fd`, rather than another device that came under its name.
[[nodiscard]] bool is_open_as(const std::string& node, int fd) noexcept;

/// Whether there is a `node`, as far as can be seen.
[[nodiscard]] bool node_exists(const std::string& node) noexcept;

/// Opens the device's node, or connects to the socket that it is.
/// @param for_writing, too
/// @throws Absent, Unusable, std::system_error; all say what to do
[[nodiscard]] OpenedDevice open(const record::ChannelDescription& description, bool for_writing);

/// Takes a file that somebody else has opened; what an earlier process had set on it is taken back.
/// @throws as `open`
[[nodiscard]] OpenedDevice adopt(const record::ChannelDescription& description, UniqueFd fd);

}  // namespace drvbus::device

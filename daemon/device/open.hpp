// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "base/unique_fd.hpp"
#include "record/channel_description.hpp"

namespace drvbus::device {

/// The device does not exist, or was removed. It may appear later.
class AbsentError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The device cannot be used before the configuration, or the system, is changed. Trying again does not help.
class UnusableError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// An open device, in non-blocking mode.
struct OpenedDevice {
    UniqueFd fd;
    /// The node has a ring of drvbus: the ioctls, lseek() and pread(). false also for a node of class drvbus without
    /// them, which drvbus_sim can create (setting "legacy"); the daemon reads it like a configured device.
    bool ring = false;
    std::uint64_t position = 0;  ///< of a ring: sequence of the first event that is not committed; 0: unknown
    std::uint64_t instance = 0;  ///< unique among all devices of this name since boot
};

/// A new instance number for a device that has none of its own: CLOCK_BOOTTIME in nanoseconds.
[[nodiscard]] std::uint64_t new_instance_id() noexcept;

/// Whether `node` still names the device that is open as `fd`.
[[nodiscard]] bool is_open_as(const std::string& node, int fd) noexcept;

/// Whether `node` exists. Also true if access to it fails for another reason than ENOENT.
[[nodiscard]] bool node_exists(const std::string& node) noexcept;

/// Opens the device node, or connects to the Unix socket, in non-blocking mode.
/// @param for_writing open for reading and writing instead of only reading
/// @throws AbsentError, UnusableError, std::system_error, std::runtime_error; the message says what failed
[[nodiscard]] OpenedDevice open(const record::ChannelDescription& description, bool for_writing);

/// Uses a file that is open already, perhaps since an earlier process. Clears what that process registered with it:
/// O_ASYNC, and the eventfd of a drvbus ring.
/// @param fd owned by the result
/// @throws as `open`
[[nodiscard]] OpenedDevice adopt(const record::ChannelDescription& description, UniqueFd fd);

}  // namespace drvbus::device

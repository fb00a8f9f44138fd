// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <string>

#include "base/unique_fd.hpp"
#include "device/channel_settings.hpp"

namespace drvbus::cli {

/// Reads the device of a channel for some time and counts the records, as the daemon would make them.
class InputCheck {
public:
    /// @param duration how long a device is read
    explicit InputCheck(std::chrono::seconds duration) : duration_(duration) {}

    /// Runs the setup, reads the device, and undoes the setup. Does nothing after a signal has interrupted an earlier
    /// call.
    /// @param channel has a configured device
    /// @param device open and non-blocking
    /// @returns what was read, in words
    /// @throws std::exception if the setup fails or the input is not valid
    [[nodiscard]] std::string read(const device::ChannelSettings& channel, UniqueFd device);

private:
    std::chrono::seconds duration_;
    bool interrupted_ = false;
};

}  // namespace drvbus::cli

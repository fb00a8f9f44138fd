// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.hpp"
#include "cli/device_info.hpp"
#include "cli/input_check.hpp"
#include "config/config.hpp"
#include "device/devices_in_use.hpp"
#include "notification/sigio.hpp"

namespace drvbus::cli {

/// Explains channels of the configuration and tests whether their devices can be used now.
class ChannelCheck {
public:
    /// Whether the device of a channel can be used.
    enum class Verdict : std::uint8_t { usable, absent, unusable };

    /// @param loop, sigio used to test notifications; both outlive this object
    /// @param input reads usable devices, and outlives this object; null: no device is read
    ChannelCheck(const EventLoop& loop, notification::SigioDispatcher& sigio, InputCheck* input)
        : loop_(loop), sigio_(sigio), input_(input)
    {
    }

    /// Tests one channel. Test the channels in the order of their names, in which the daemon creates them.
    /// @returns a report for the user, of several lines
    [[nodiscard]] std::string check(const std::string& name, const device::ChannelSettings& channel);
    /// The result for the channel that was tested last.
    [[nodiscard]] Verdict verdict() const noexcept { return verdict_; }

private:
    void check_drvbus_class_device(const std::string& name, const device::ChannelSettings& channel);
    void check_configured_device(const std::string& name, const device::ChannelSettings& channel);
    [[nodiscard]] std::string find_node(const std::string& name, const device::Settings& settings);
    void report_devices_in_use(const device::Settings& settings, const std::string& used);
    void check_access(const std::string& node, const device::Settings& settings,
                      const device::ChannelSettings& channel);
    void report_open_error(const DeviceInfo& info, int error, const std::string& what, bool write);
    void check_notification(int fd, const DeviceInfo& info, const device::Settings& settings,
                            const device::ChannelSettings& channel);
    void check_input(UniqueFd device, const device::ChannelSettings& channel);
    void add(std::string_view label, std::string_view text);
    /// Adds a line that says why the channel is unusable.
    void add_error(std::string_view label, std::string_view text);

    device::DevicesInUse in_use_;  ///< by the channels that were tested before
    std::vector<device::DevicesInUse::Use> uses_;
    const EventLoop& loop_;
    notification::SigioDispatcher& sigio_;
    InputCheck* input_;
    std::string text_;
    Verdict verdict_ = Verdict::usable;
};

}  // namespace drvbus::cli

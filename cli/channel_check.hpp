// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>

#include "base/event_loop.hpp"
#include "cli/device_info.hpp"
#include "config/config.hpp"
#include "notification/sigio.hpp"

namespace drvbus::cli {

/// Tries one channel of a configuration, and says what would become of it.
class ChannelCheck {
public:
    enum class Verdict : std::uint8_t { fine, absent, faulty };

    /// @param loop, sigio where notifications are tried; outlive it
    ChannelCheck(const EventLoop& loop, notification::SigioDispatcher& sigio) : loop_(loop), sigio_(sigio) {}

    /// Lines on the channel.
    [[nodiscard]] std::string explain(const std::string& name, const device::ChannelSettings& channel);
    [[nodiscard]] Verdict verdict() const noexcept { return verdict_; }

private:
    void explain_class(const std::string& name, const device::ChannelSettings& channel);
    void explain_device(const device::Settings& settings, const device::ChannelSettings& channel);
    [[nodiscard]] std::string place(const device::Settings& settings);
    void try_device(const std::string& node, const device::Settings& settings, const device::ChannelSettings& channel);
    void explain_failure(const Identity& identity, int error, const std::string& what, bool write);
    void try_notification(int fd, const Identity& identity, const device::Settings& settings,
                          const device::ChannelSettings& channel);
    void say(std::string_view label, std::string_view text);
    void fault(std::string_view label, std::string_view text);

    const EventLoop& loop_;
    notification::SigioDispatcher& sigio_;
    std::string text_;
    Verdict verdict_ = Verdict::fine;
};

}  // namespace drvbus::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <string>

#include "base/event_loop.hpp"
#include "base/log_limiter.hpp"
#include "device/sd_device_ptr.hpp"
#include "record/channel_description.hpp"

namespace drvbus::device {

/// Finds the devices of class drvbus: those that exist, and those that are added and removed later.
class ChannelDiscovery {
public:
    using Added = std::function<void(const record::ChannelDescription&)>;
    using Removed = std::function<void(const std::string& name)>;
    using Missed = std::function<void()>;

    /// Calls `added` and `removed` from the event loop. Calls `missed` if the kernel dropped uevents because the buffer
    /// of the socket was full. The owner must then call `enumerate`.
    /// @param loop, log must outlive this object
    /// @throws std::system_error
    ChannelDiscovery(const EventLoop& loop, Added added, Removed removed, Missed missed, LogLimiter& log);

    /// Calls `added` for every device that exists now. A device that is added during the call may be reported twice.
    /// @throws std::system_error
    void enumerate() const;

private:
    void on_uevent(sd_device* device);
    void log_failure(const std::exception& error) const;
    [[nodiscard]] std::uint32_t dropped_uevents() const noexcept;

    Added added_;
    Removed removed_;
    Missed missed_;
    LogLimiter& log_;
    std::uint32_t dropped_ = 0;  ///< value of `dropped_uevents` when the last uevent was handled
    SdDeviceMonitorPtr monitor_;
};

}  // namespace drvbus::device

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <systemd/sd-device.h>

#include "base/event_loop.hpp"
#include "record/channel_description.hpp"

namespace drvbus::device {

/// Finds the channels of class drvbus: those that are there and those that come and go.
class ChannelDiscovery {
public:
    using Added = std::function<void(const record::ChannelDescription&)>;
    using Removed = std::function<void(const std::string& name)>;
    using Missed = std::function<void()>;

    /// Calls back from the loop as channels come and go; `missed` where the kernel had more to tell than it
    /// keeps: then `enumerate` is in place.
    ChannelDiscovery(const EventLoop& loop, Added added, Removed removed, Missed missed);

    /// Calls `added` for those that are there now. One that comes meanwhile may be told twice.
    void enumerate() const;

private:
    void changed(sd_device* device);
    [[nodiscard]] std::uint32_t dropped() const noexcept;

    struct MonitorDeleter {
        void operator()(sd_device_monitor* monitor) const noexcept { sd_device_monitor_unref(monitor); }
    };

    Added added_;
    Removed removed_;
    Missed missed_;
    std::uint32_t dropped_ = 0;  ///< up to now
    std::unique_ptr<sd_device_monitor, MonitorDeleter> monitor_;
};

}  // namespace drvbus::device

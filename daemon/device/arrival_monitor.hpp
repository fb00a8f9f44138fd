// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <memory>

#include <systemd/sd-device.h>

#include "base/event_loop.hpp"

namespace drvbus::device {

/// Hears from udev of any device that has come, whatever its subsystem.
class ArrivalMonitor {
public:
    using Added = std::function<void(sd_device*)>;

    /// Calls back from the loop. Whoever misses one, because the kernel had more to tell than it keeps, has to look
    /// by itself after a while.
    ArrivalMonitor(const EventLoop& loop, Added added);

private:
    void changed(sd_device* device) noexcept;

    struct MonitorDeleter {
        void operator()(sd_device_monitor* monitor) const noexcept { sd_device_monitor_unref(monitor); }
    };

    Added added_;
    std::unique_ptr<sd_device_monitor, MonitorDeleter> monitor_;
};

}  // namespace drvbus::device

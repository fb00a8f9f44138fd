// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>

#include "base/event_loop.hpp"
#include "base/log_limiter.hpp"
#include "device/sd_device_ptr.hpp"

namespace drvbus::device {

/// Reports every device that udev announces as added, of any subsystem. The daemon needs this for configured devices,
/// which may be of any class.
class ArrivalMonitor {
public:
    using Added = std::function<void(sd_device*)>;

    /// Calls `added` from the event loop. The kernel may drop uevents. A channel must therefore not rely on this alone:
    /// it also retries after its back-off.
    /// @param loop, log must outlive this object
    /// @throws std::system_error
    ArrivalMonitor(const EventLoop& loop, Added added, LogLimiter& log);

private:
    void on_uevent(sd_device* device) noexcept;

    Added added_;
    LogLimiter& log_;
    SdDeviceMonitorPtr monitor_;
};

}  // namespace drvbus::device

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <functional>

#include "base/event_loop.hpp"
#include "base/log_limiter.hpp"
#include "device/sd_device_ptr.hpp"

namespace drvbus::device {

/// Reports every device that udev announces as added or changed, of any subsystem. The daemon needs this for configured
/// devices, which may be of any class.
class ArrivalMonitor {
public:
    enum class Change : std::uint8_t {
        added,
        changed,  ///< for example, its driver was bound, or udev has set its permissions again
    };
    using Report = std::function<void(sd_device*, Change)>;

    /// Calls `report` from the event loop. The kernel may drop uevents. A channel must therefore not rely on this
    /// alone: it also retries after its back-off.
    /// @param loop, log must outlive this object
    /// @throws std::system_error
    ArrivalMonitor(const EventLoop& loop, Report report, LogLimiter& log);

private:
    void on_uevent(sd_device* device) noexcept;

    Report report_;
    LogLimiter& log_;
    SdDeviceMonitorPtr monitor_;
};

}  // namespace drvbus::device

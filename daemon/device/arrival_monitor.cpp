// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device/arrival_monitor.hpp"

#include <exception>
#include <utility>

#include <fmt/format.h>

#include "base/errno.hpp"

namespace drvbus::device {

ArrivalMonitor::ArrivalMonitor(const EventLoop& loop, Report report, LogLimiter& log)
    : report_(std::move(report)), log_(log)
{
    sd_device_monitor* monitor = nullptr;
    check(sd_device_monitor_new(&monitor), "sd_device_monitor_new");
    monitor_.reset(monitor);
    check(sd_device_monitor_attach_event(monitor, loop.get()), "sd_device_monitor_attach_event");
    const auto on_device = [](sd_device_monitor*, sd_device* device, void* self) noexcept {
        static_cast<ArrivalMonitor*>(self)->on_uevent(device);
        return 0;
    };
    check(sd_device_monitor_start(monitor, on_device, this), "sd_device_monitor_start");
}

void ArrivalMonitor::on_uevent(sd_device* device) noexcept
{
    // Called from C, so no exception may leave this function.
    try {
        sd_device_action_t action{};
        if (sd_device_get_action(device, &action) < 0)
            return;
        switch (action) {
        case SD_DEVICE_ADD:
            report_(device, Change::added);
            break;
        case SD_DEVICE_BIND:
        case SD_DEVICE_CHANGE:
        case SD_DEVICE_MOVE:
        case SD_DEVICE_ONLINE:
            report_(device, Change::changed);
            break;
        default:
            break;
        }
    } catch (const std::exception& error) {
        log_.write("uevents that could not be handled", spdlog::level::err,
                   fmt::format("handling the uevent of a device failed: {}", error.what()));
    }
}

}  // namespace drvbus::device

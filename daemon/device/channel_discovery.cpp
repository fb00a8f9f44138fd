// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device/channel_discovery.hpp"

#include <array>
#include <exception>
#include <utility>

#include <fmt/format.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include "base/errno.hpp"
#include "record/event_names.hpp"

namespace drvbus::device {

namespace {

constexpr const char* kClass = "drvbus";

std::string attribute(sd_device* device, const char* name)
{
    const char* value = nullptr;
    return sd_device_get_sysattr_value(device, name, &value) < 0 ? std::string() : std::string(value);
}

record::ChannelDescription describe(sd_device* device)
{
    const char* name = nullptr;
    const char* node = nullptr;
    check(sd_device_get_sysname(device, &name), "sd_device_get_sysname");
    check(sd_device_get_devname(device, &node), "sd_device_get_devname");

    record::ChannelDescription description;
    description.name = name;
    description.node = node;
    description.is_drvbus_class = true;
    description.format = attribute(device, "format");
    description.event_names = record::parse_event_names(attribute(device, "event_names"));
    return description;
}

}  // namespace

ChannelDiscovery::ChannelDiscovery(const EventLoop& loop, Added added, Removed removed, Missed missed, LogLimiter& log)
    : added_(std::move(added)), removed_(std::move(removed)), missed_(std::move(missed)), log_(log)
{
    sd_device_monitor* monitor = nullptr;
    check(sd_device_monitor_new(&monitor), "sd_device_monitor_new");
    monitor_.reset(monitor);
    check(sd_device_monitor_filter_add_match_subsystem_devtype(monitor, kClass, nullptr),
          "sd_device_monitor_filter_add_match_subsystem_devtype");
    check(sd_device_monitor_attach_event(monitor, loop.get()), "sd_device_monitor_attach_event");
    const auto on_device = [](sd_device_monitor*, sd_device* device, void* self) noexcept {
        static_cast<ChannelDiscovery*>(self)->on_uevent(device);
        return 0;
    };
    check(sd_device_monitor_start(monitor, on_device, this), "sd_device_monitor_start");
}

/// Number of uevents that the kernel has dropped because the socket's buffer was full. libsystemd does not report them.
std::uint32_t ChannelDiscovery::dropped_uevents() const noexcept
{
    std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
    socklen_t size = sizeof(info);
    const int fd = sd_event_source_get_io_fd(sd_device_monitor_get_event_source(monitor_.get()));
    (void)getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info.data(), &size);
    return info[SK_MEMINFO_DROPS];
}

void ChannelDiscovery::log_failure(const std::exception& error) const
{
    log_.write(fmt::format("devices of class {} that could not be handled", kClass), spdlog::level::err,
               fmt::format("handling an added or removed device of class {} failed: {}", kClass, error.what()));
}

void ChannelDiscovery::on_uevent(sd_device* device)
{
    // Called from C, so no exception may leave this function. A device that cannot be read must not affect the others.
    try {
        sd_device_action_t action{};
        const char* name = nullptr;
        check(sd_device_get_action(device, &action), "sd_device_get_action");
        check(sd_device_get_sysname(device, &name), "sd_device_get_sysname");
        if (action == SD_DEVICE_ADD)
            added_(describe(device));
        else if (action == SD_DEVICE_REMOVE)
            removed_(name);
    } catch (const std::exception& error) {
        log_failure(error);
    }
    if (std::exchange(dropped_, dropped_uevents()) != dropped_)
        missed_();
}

void ChannelDiscovery::enumerate() const
{
    sd_device_enumerator* raw = nullptr;
    check(sd_device_enumerator_new(&raw), "sd_device_enumerator_new");
    const SdDeviceEnumeratorPtr enumerator(raw);
    check(sd_device_enumerator_add_match_subsystem(raw, kClass, true), "sd_device_enumerator_add_match_subsystem");
    for (sd_device* device = sd_device_enumerator_get_device_first(raw); device != nullptr;
         device = sd_device_enumerator_get_device_next(raw)) {
        try {
            added_(describe(device));
        } catch (const std::exception& error) {
            log_failure(error);
        }
    }
}

}  // namespace drvbus::device

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/channel_check.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/unique_fd.hpp"
#include "cli/config_description.hpp"
#include "cli/device_permissions.hpp"
#include "cli/device_users.hpp"
#include "cli/output.hpp"
#include "cli/quoting.hpp"
#include "device/open.hpp"

namespace drvbus::cli {

namespace {

/// The steps for which the device must be open for writing.
std::string writing_steps(const device::Settings& settings)
{
    std::vector<std::string> steps;
    const auto add = [&steps](const device::SetupStep& step) {
        if (step.writes())
            steps.push_back(printable(device::to_string(step)));
    };
    std::ranges::for_each(settings.setup, add);
    std::ranges::for_each(settings.rearm, add);
    if (settings.eventfd_step)
        add(*settings.eventfd_step);
    return fmt::format("{}", fmt::join(steps, ", "));
}

/// Whether the setup replaces the device with a file that the driver returns.
bool replaces_device(const device::Settings& settings)
{
    return std::ranges::any_of(settings.setup, [](const device::SetupStep& step) {
        const auto* const ioctl = std::get_if<device::IoctlStep>(&step.operation);
        return ioctl != nullptr && !ioctl->returned_fd.empty();
    });
}

std::string configured_notification(const device::ChannelSettings& channel)
{
    return channel.notification ? fmt::format("{}, set in the configuration", to_string(*channel.notification))
                                : "the first of eventfd, poll and sigio that works";
}

/// Whether the step queries which events an input device can send (EVIOCGBIT). Such a step changes nothing.
bool is_input_query(const device::IoctlStep& step, const DeviceInfo& info)
{
    return info.subsystem == "input" && _IOC_TYPE(step.request) == 'E' && _IOC_NR(step.request) >= 0x20 &&
           _IOC_NR(step.request) < 0x40;
}

/// Why the setup would refuse the device. Runs only the steps that change nothing. Empty if these do not refuse it.
std::string refusal(const device::Settings& settings, const DeviceInfo& info, int fd)
{
    for (const device::SetupStep& step : settings.setup) {
        const auto* const ioctl = std::get_if<device::IoctlStep>(&step.operation);
        if (ioctl == nullptr || ioctl->refused_bits.empty() || !is_input_query(*ioctl, info))
            continue;
        try {
            (void)device::run(*ioctl, {.device = fd, .eventfd = -1});
        } catch (const device::UnusableError& error) {
            return error.what();
        }
    }
    return {};
}

/// Why a channel has this kind of notification.
std::string reason_for(notification::Kind kind, const device::ChannelSettings& channel)
{
    if (channel.notification && kind == notification::Kind::eventfd)
        return "set in the configuration, which has a step that passes an eventfd to the driver";
    if (channel.notification)
        return "set in the configuration, and the device supports it";
    switch (kind) {
    case notification::Kind::eventfd:
        return "the configuration has a step that passes an eventfd to the driver";
    case notification::Kind::poll:
        return "no step passes an eventfd, and the device supports poll";
    default:
        return "no step passes an eventfd, and the device supports SIGIO, but not poll";
    }
}

}  // namespace

void ChannelCheck::add(std::string_view label, std::string_view text)
{
    text_ += labelled(label, text);
}

void ChannelCheck::add_error(std::string_view label, std::string_view text)
{
    verdict_ = Verdict::unusable;
    add(label, text);
}

std::string ChannelCheck::check(const std::string& name, const device::ChannelSettings& channel)
{
    text_ = fmt::format("channel \"{}\"\n", name);
    verdict_ = Verdict::usable;
    if (!channel.preset.empty())
        add("preset", fmt::format("\"{}\"; settings of the channel take precedence", printable(channel.preset)));
    if (channel.device)
        check_configured_device(name, channel);
    else
        check_drvbus_class_device(name, channel);
    return text_;
}

void ChannelCheck::check_drvbus_class_device(const std::string& name, const device::ChannelSettings& channel)
{
    const std::string sysfs = "/sys/class/drvbus/" + name;
    const bool exists = device::node_exists(sysfs);
    add("device",
        exists ? fmt::format("/dev/drvbus/{}, of class drvbus ({} exists)", name, sysfs)
               : fmt::format("absent: these are settings for a device of class drvbus, but {} does not exist", sysfs));
    if (!exists)
        verdict_ = Verdict::absent;
    text_ += describe_events(channel);
    add("notification", configured_notification(channel));
}

void ChannelCheck::check_configured_device(const std::string& name, const device::ChannelSettings& channel)
{
    const device::Settings& settings = *channel.device;
    const std::string node = find_node(name, settings);
    text_ += describe_events(channel);
    text_ += describe_steps(settings);
    if (settings.priority_only)
        add("priority", "only urgent data (POLLPRI) is an event");
    if (node.empty())
        add("notification", configured_notification(channel) + "; not tested");
    else
        check_access(node, settings, channel);
    for (const std::string& line : channel.unit)
        add("unit", printable(line));
}

/// @returns path of the device to open; empty if there is none
std::string ChannelCheck::find_node(const std::string& name, const device::Settings& settings)
{
    if (settings.path.starts_with("fd:")) {
        add("device", fmt::format("{}: an open file that the service manager passes (FileDescriptorName={})",
                                  printable(settings.path), printable(settings.path.substr(3))));
        return {};
    }
    std::vector<std::string> nodes{settings.path};
    if (settings.match) {
        nodes = find(*settings.match);
        add("match", printable(to_string(*settings.match)));
        if (nodes.size() > 1)
            add("matches",
                fmt::format("{}; the daemon uses the first that no other channel uses", fmt::join(nodes, ", ")));
        if (const std::string hint = nodes.empty() ? advice(*settings.match) : std::string(); !hint.empty())
            add("", printable(hint));
    }
    device::DevicesInUse::FreeNode free = in_use_.take_first(nodes, name, settings.shared);
    uses_.push_back(std::move(free.use));
    if (free.node.empty() && !nodes.empty()) {
        report_devices_in_use(settings, printable(free.used));
        return {};
    }
    const std::string& node = free.node;
    const DeviceInfo info = device_info(node);
    if (node.empty() || info.error == ENOENT) {
        verdict_ = Verdict::absent;
        add("device",
            fmt::format("{}absent; the daemon waits for it", node.empty() ? std::string() : printable(node) + ": "));
        return {};
    }
    add("device", fmt::format("{}: {}", printable(node), describe(info)));
    return node;
}

/// @param used which channels use the devices
void ChannelCheck::report_devices_in_use(const device::Settings& settings, const std::string& used)
{
    if (!settings.match) {
        add_error("device", fmt::format("{}; if both are to read it, set shared = true in both channels", used));
        return;
    }
    verdict_ = Verdict::absent;
    add("device", fmt::format("absent; the daemon waits for another one: {}", used));
}

void ChannelCheck::check_access(const std::string& node, const device::Settings& settings,
                                const device::ChannelSettings& channel)
{
    const DeviceInfo info = device_info(node);
    const bool write = settings.writes();
    try {
        device::OpenedDevice opened = device::open(
            {.name = {}, .node = node, .framing = settings.framing, .format = {}, .event_names = {}}, write);
        add("access", write ? fmt::format("user {} may read and write it; opened for writing because of: {}",
                                          user_name(geteuid()), writing_steps(settings))
                            : fmt::format("user {} may read it", user_name(geteuid())));
        if (const std::string service = service_access_note(info, write); !service.empty())
            add("", service);
        if (const std::string reason = refusal(settings, info, opened.fd.get()); !reason.empty())
            add_error("refused", printable(reason));
        else
            check_notification(opened.fd.get(), info, settings, channel);
        if (input_ != nullptr && verdict_ == Verdict::usable)
            check_input(std::move(opened.fd), channel);
    } catch (const device::AbsentError& error) {
        verdict_ = Verdict::absent;
        add("access", printable(error.what()));
    } catch (const std::system_error& error) {
        report_open_error(info, error.code().value(), error.what(), write);
    } catch (const std::exception& error) {
        add_error("access", printable(error.what()));
    }
}

void ChannelCheck::report_open_error(const DeviceInfo& info, int error, const std::string& what, bool write)
{
    if (error == EBUSY) {
        const DeviceUsers users = find_device_users(info);
        // No error: a running daemon uses its own device.
        if (users.includes_drvbusd)
            add("access", fmt::format("in use by {}; to test its notification, stop the daemon: systemctl stop drvbusd",
                                      users.names));
        else
            add_error("access", fmt::format("{}; in use by {}", printable(what), users.names));
        return;
    }
    add_error("access", printable(what));
    if (info.error != 0)
        add("", "a directory in its path denies access to this user");
    else if (error == EACCES || error == EPERM)
        add("", fmt::format("{} may not {}: it is {}; {}", user_name(geteuid()),
                            write ? "read and write it" : "read it", ownership(info), access_advice(info, write)));
}

void ChannelCheck::check_notification(int fd, const DeviceInfo& info, const device::Settings& settings,
                                      const device::ChannelSettings& channel)
{
    if (replaces_device(settings)) {
        add("notification",
            configured_notification(channel) + "; not tested, because it depends on the file that the setup returns");
        return;
    }
    // The step that passes an eventfd is not run, so the driver never gets this one.
    const UniqueFd eventfd(settings.eventfd_step ? ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1);
    const notification::Device device{
        .fd = fd, .is_drvbus_class = false, .eventfd = eventfd.get(), .priority_only = settings.priority_only};
    try {
        const auto made = channel.notification ? make(*channel.notification, loop_, sigio_, device, [] {})
                                               : make_any(loop_, sigio_, device, [] {});
        add("notification", fmt::format("{}: {}", to_string(made->kind()), reason_for(made->kind(), channel)));
    } catch (const std::system_error& error) {
        add_error("notification", error.what());
        if (info.type == DeviceInfo::Type::file)
            add("", "a file does not report that it has changed; use a FIFO or a socket");
    }
}

void ChannelCheck::check_input(UniqueFd device, const device::ChannelSettings& channel)
{
    try {
        add("input", printable(input_->read(channel, std::move(device))));
    } catch (const std::exception& error) {
        add_error("input", printable(error.what()));
    }
}

}  // namespace drvbus::cli

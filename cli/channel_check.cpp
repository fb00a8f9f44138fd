// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/channel_check.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
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
#include "cli/quoting.hpp"
#include "device/open.hpp"

namespace drvbus::cli {

namespace {

/// The steps that the device has to be open for writing for.
std::string writing_steps(const device::Settings& settings)
{
    std::vector<std::string> steps;
    const auto add = [&steps](const device::SetupStep& step) {
        if (step.writes())
            steps.push_back(printable(device::to_string(step)));
    };
    std::ranges::for_each(settings.setup, add);
    std::ranges::for_each(settings.rearm, add);
    if (settings.eventfd)
        add(*settings.eventfd);
    return fmt::format("{}", fmt::join(steps, ", "));
}

bool hands_back(const device::Settings& settings)
{
    return std::ranges::any_of(settings.setup, [](const device::SetupStep& step) {
        const auto* const ioctl = std::get_if<device::IoctlStep>(&step.what);
        return ioctl != nullptr && !ioctl->returned_fd.empty();
    });
}

std::string wanted_notification(const device::ChannelSettings& channel)
{
    return channel.notification ? fmt::format("{}, as the configuration has it", to_string(*channel.notification))
                                : "the first that works of eventfd, poll and sigio";
}

/// Whether all that the step does is to ask an input device what it can send (EVIOCGBIT).
bool asks_input_device(const device::IoctlStep& step, const Identity& identity)
{
    return identity.subsystem == "input" && _IOC_TYPE(step.request) == 'E' && _IOC_NR(step.request) >= 0x20 &&
           _IOC_NR(step.request) < 0x40;
}

/// Why the setup would refuse the device, where that is known without doing anything to it.
std::string refusal(const device::Settings& settings, const Identity& identity, int fd)
{
    for (const device::SetupStep& step : settings.setup) {
        const auto* const ioctl = std::get_if<device::IoctlStep>(&step.what);
        if (ioctl == nullptr || ioctl->refused_bits.empty() || !asks_input_device(*ioctl, identity))
            continue;
        try {
            (void)device::run(*ioctl, {.device = fd, .eventfd = -1});
        } catch (const device::UnusableError& error) {
            return error.what();
        }
    }
    return {};
}

/// Why it is the one it is.
std::string reason_for(notification::Kind kind, const device::ChannelSettings& channel)
{
    if (channel.notification && kind == notification::Kind::eventfd)
        return "the configuration has it, and a step that hands an eventfd over";
    if (channel.notification)
        return "the configuration has it, and the device takes it";
    switch (kind) {
    case notification::Kind::eventfd:
        return "the configuration has a step that hands an eventfd over";
    case notification::Kind::poll:
        return "there is no step for an eventfd, and the device can be polled";
    default:
        return "there is no step for an eventfd, the device cannot be polled, and it sends SIGIO";
    }
}

}  // namespace

void ChannelCheck::say(std::string_view label, std::string_view text)
{
    text_ += labelled(label, text);
}

void ChannelCheck::fault(std::string_view label, std::string_view text)
{
    verdict_ = Verdict::faulty;
    say(label, text);
}

std::string ChannelCheck::explain(const std::string& name, const device::ChannelSettings& channel)
{
    text_ = fmt::format("channel \"{}\"\n", name);
    verdict_ = Verdict::fine;
    if (!channel.preset.empty())
        say("preset", fmt::format("\"{}\", for what the channel itself does not say", printable(channel.preset)));
    if (channel.device)
        explain_device(*channel.device, channel);
    else
        explain_class(name, channel);
    return text_;
}

void ChannelCheck::explain_class(const std::string& name, const device::ChannelSettings& channel)
{
    const std::string sysfs = "/sys/class/drvbus/" + name;
    const bool there = device::node_exists(sysfs);
    say("device",
        there ? fmt::format("/dev/drvbus/{}, of a drvbus driver ({} is there)", name, sysfs)
              : fmt::format("none: these are settings for a channel of a drvbus driver; there is no {} now", sysfs));
    if (!there)
        verdict_ = Verdict::absent;
    text_ += explain_events(channel);
    say("notification", wanted_notification(channel));
}

void ChannelCheck::explain_device(const device::Settings& settings, const device::ChannelSettings& channel)
{
    const std::string node = place(settings);
    text_ += explain_events(channel);
    text_ += explain_steps(settings);
    if (settings.urgent_only)
        say("priority", "news comes as an urgent one (POLLPRI), and no other");
    if (node.empty())
        say("notification", wanted_notification(channel) + "; not tried");
    else
        try_device(node, settings, channel);
    for (const std::string& line : channel.unit)
        say("unit", printable(line));
}

/// @returns the node to try; empty: there is none
std::string ChannelCheck::place(const device::Settings& settings)
{
    if (settings.path.starts_with("fd:")) {
        say("device", fmt::format("{}: an open file that the service manager passes (FileDescriptorName={})",
                                  printable(settings.path), printable(settings.path.substr(3))));
        return {};
    }
    std::string node = settings.path;
    if (settings.match) {
        const std::vector<std::string> nodes = find(*settings.match);
        say("match", printable(to_string(*settings.match)));
        if (nodes.size() > 1)
            say("fits", fmt::format("{}; the first is taken", fmt::join(nodes, ", ")));
        node = nodes.empty() ? std::string() : nodes.front();
    }
    const Identity identity = identify(node);
    if (node.empty() || identity.error == ENOENT) {
        verdict_ = Verdict::absent;
        say("device", node.empty() ? "not there now, it is waited for"
                                   : fmt::format("{}: not there now, it is waited for", printable(node)));
        return {};
    }
    say("device", fmt::format("{}: {}", printable(node), to_string(identity)));
    return node;
}

void ChannelCheck::try_device(const std::string& node, const device::Settings& settings,
                              const device::ChannelSettings& channel)
{
    const Identity identity = identify(node);
    const bool write = settings.writes();
    try {
        const device::OpenedDevice opened = device::open(
            {.name = {}, .node = node, .framing = settings.framing, .format = {}, .event_names = {}}, write);
        say("access", write ? fmt::format("{} may read and write it; written for: {}", user_name(geteuid()),
                                          writing_steps(settings))
                            : fmt::format("{} may read it", user_name(geteuid())));
        if (const std::string service = service_note(identity, write); !service.empty())
            say("", service);
        if (const std::string reason = refusal(settings, identity, opened.fd.get()); !reason.empty())
            fault("refused", printable(reason));
        else
            try_notification(opened.fd.get(), identity, settings, channel);
    } catch (const device::AbsentError& error) {
        verdict_ = Verdict::absent;
        say("access", printable(error.what()));
    } catch (const std::system_error& error) {
        explain_failure(identity, error.code().value(), error.what(), write);
    } catch (const std::exception& error) {
        fault("access", printable(error.what()));
    }
}

void ChannelCheck::explain_failure(const Identity& identity, int error, const std::string& what, bool write)
{
    if (error == EBUSY) {
        const Holders holders = holders_of(identity);
        // One that runs has what it needs.
        if (holders.drvbusd)
            say("access",
                fmt::format("in use by {}; to have its notification tried: systemctl stop drvbusd", holders.names));
        else
            fault("access", fmt::format("{}; in use by {}", printable(what), holders.names));
        return;
    }
    fault("access", printable(what));
    if (identity.error != 0)
        say("", "a folder above it keeps this user out");
    else if (error == EACCES || error == EPERM)
        say("",
            fmt::format("{} may not {}: it is {}; {}", user_name(geteuid()), write ? "read and write it" : "read it",
                        ownership(identity), permission_advice(identity, write)));
}

void ChannelCheck::try_notification(int fd, const Identity& identity, const device::Settings& settings,
                                    const device::ChannelSettings& channel)
{
    if (hands_back(settings)) {
        say("notification",
            wanted_notification(channel) + "; not tried, for it is decided on the file that the setup hands back");
        return;
    }
    // Nobody is handed this one: it stands in for the one of the step, which is not run.
    const UniqueFd eventfd(settings.eventfd ? ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1);
    const notification::Device device{
        .fd = fd, .drvbus_node = false, .eventfd = eventfd.get(), .urgent_only = settings.urgent_only};
    try {
        const auto made = channel.notification ? make(*channel.notification, loop_, sigio_, device, [] {})
                                               : make_any(loop_, sigio_, device, [] {});
        say("notification", fmt::format("{}: {}", to_string(made->kind()), reason_for(made->kind(), channel)));
    } catch (const std::system_error& error) {
        fault("notification", fmt::format("{}{}", channel.notification ? "" : "none works: ", error.what()));
        if (identity.sort == Identity::Sort::file)
            say("", "a file on a disk tells nobody that it has changed; a FIFO or a socket does");
    }
}

}  // namespace drvbus::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/unit_requirements.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "cli/device_allow.hpp"
#include "cli/device_permissions.hpp"
#include "cli/quoting.hpp"

namespace drvbus::cli {

namespace {

bool is_below(const std::string& path, std::initializer_list<const char*> folders)
{
    return std::ranges::any_of(folders, [&](const char* folder) { return path.starts_with(folder); });
}

std::string_view rights(bool write)
{
    return write ? "rw" : "r";
}

/// The files that steps write to, but for the device.
std::set<std::string> written_by(const device::Settings& settings)
{
    std::set<std::string> files;
    const auto look = [&files](const device::SetupStep& first) {
        for (const device::SetupStep* step = &first; step != nullptr; step = step->undo.get()) {
            const auto* const written = std::get_if<device::WriteStep>(&step->what);
            if (written != nullptr && !written->to.empty())
                files.insert(written->to);
        }
    };
    std::ranges::for_each(settings.setup, look);
    std::ranges::for_each(settings.rearm, look);
    if (settings.eventfd)
        look(*settings.eventfd);
    return files;
}

}  // namespace

void UnitNeeds::add(const std::string& name, const device::ChannelSettings& channel)
{
    if (!channel.device)
        return;
    const device::Settings& settings = *channel.device;
    text_ += fmt::format("\n# {}: {}\n", name, printable(settings.device()));
    const std::size_t before = text_.size();
    if (settings.match)
        add_match(settings);
    else if (settings.path.starts_with("fd:"))
        comment("The service manager passes it, opened: it needs nothing.");
    else
        add_path(settings);
    for (const std::string& own : channel.unit) {
        if (is_unit_line(own))
            line(own);
        else
            comment(fmt::format("Left out, for it is no line of a unit: {}", own));
    }
    if (text_.size() == before)
        comment("Nothing, or nothing that is not here already.");
}

void UnitNeeds::add_match(const device::Settings& settings)
{
    const std::vector<std::string> nodes = find(*settings.match);
    for (const std::string& node : nodes) {
        const std::string group = device_group(identify(node));
        line("DeviceAllow", group.empty() ? node : group, std::string(rights(settings.writes())));
        add_rights(node, settings.writes());
    }
    const std::string group = device_group(*settings.match);
    if (nodes.empty())
        comment("No such device is there now: run this again when one is, for the group that owns it.");
    if (nodes.empty() && !group.empty())
        line("DeviceAllow", group, std::string(rights(settings.writes())));
    add_written(settings, nodes.empty() ? std::string() : nodes.front());
}

void UnitNeeds::add_path(const device::Settings& settings)
{
    const std::string& path = settings.path;
    const Identity identity = identify(path);
    if (identity.is_node() || (is_below(path, {"/dev/"}) && identity.sort == Identity::Sort::missing))
        add_node(identity, settings.writes());
    if (is_below(path, {"/home/", "/root/", "/run/user/"}))
        comment(fmt::format("ProtectHome=yes hides {}: make it in /run/drvbus, say.", path));
    if (is_below(path, {"/tmp/", "/var/tmp/"}))
        comment(fmt::format("PrivateTmp=yes hides {}: make it in /run/drvbus, say.", path));
    add_proc(path);
    add_rights(path, settings.writes());
    add_written(settings, path);
}

void UnitNeeds::add_node(const Identity& identity, bool write)
{
    const std::string group = device_group(identity);
    if (is_below(identity.path, {"/dev/"}))
        line("DeviceAllow", identity.path, std::string(rights(write)));
    else if (!group.empty())
        line("DeviceAllow", group, std::string(rights(write)));
    else
        comment("DeviceAllow= takes nothing but what is in /dev: name its node there.");
    if (identity.sort == Identity::Sort::missing)
        comment("It is not there now; what is let in is found out as the service starts: restart it then.");
    else if (is_below(identity.path, {"/dev/"}) && !group.empty())
        comment(fmt::format("If it comes and goes while the service runs, all of its kind have to be let in: "
                            "DeviceAllow={} {}",
                            group, rights(write)));
}

void UnitNeeds::add_proc(const std::string& path)
{
    const bool of_process = path.size() > 6 && path[6] >= '0' && path[6] <= '9';
    if (is_below(path, {"/proc/"}) && !of_process && !is_below(path, {"/proc/self/"}))
        line("ProcSubset=all");
}

/// The service's user is drvbus, in group drvbus.
void UnitNeeds::add_rights(const std::string& node, bool write)
{
    const Identity identity = identify(node);
    if (identity.sort == Identity::Sort::missing)
        return;
    const std::string group = group_name(identity.status.st_gid);
    switch (granted(identity, write)) {
    case Granted::all:
        break;
    case Granted::group:
        if (group != "drvbus")
            groups_.insert(group);
        break;
    case Granted::nobody:
        if (const std::string rule = udev_rule(identity, write); !rule.empty())
            comment(fmt::format("{} is {}: the service may not open it before a line such as this is in "
                                "/etc/udev/rules.d/71-drvbus-devices.rules:\n{}",
                                node, ownership(identity), rule));
        else if (user_name(identity.status.st_uid) != "drvbus")
            comment(fmt::format("{} is {}: the service may not open it before group drvbus may.", node,
                                ownership(identity)));
    }
}

/// @param node empty: it is not there
void UnitNeeds::add_written(const device::Settings& settings, const std::string& node)
{
    constexpr std::string_view kSysfs = "{sysfs}";
    for (std::string path : written_by(settings)) {
        if (!path.starts_with(kSysfs)) {
            add_written_file(path);
            continue;
        }
        line("ProtectKernelTunables=no");
        const std::string folder = node.empty() ? std::string() : identify(node).sysfs;
        if (folder.empty())
            comment(fmt::format("{} is written to, in the device's folder in sysfs: run this again when it is there.",
                                path));
        else
            add_written_file(path.replace(0, kSysfs.size(), folder));
    }
}

void UnitNeeds::add_written_file(const std::string& path)
{
    if (is_below(path, {"/sys/fs/cgroup/"}))
        line("ProtectControlGroups=no");
    else if (is_below(path, {"/sys/", "/proc/"}))
        line("ProtectKernelTunables=no");
    // Where it is not there, the service starts nevertheless.
    line("ReadWritePaths", "-" + path);
    const Identity identity = identify(path);
    if (identity.sort == Identity::Sort::file && granted(identity, true) == Granted::nobody)
        comment(fmt::format("{} is {}: a udev rule, or a line in tmpfiles.d, has to let group drvbus write to it.",
                            path, ownership(identity)));
}

void UnitNeeds::line(const std::string& text)
{
    if (lines_.insert(text).second)
        text_ += text + "\n";
}

void UnitNeeds::line(const std::string& setting, const std::string& word, const std::string& behind)
{
    if (const auto safe = unit_word(word))
        line(fmt::format("{}={}{}{}", setting, *safe, behind.empty() ? "" : " ", behind));
    else
        comment(fmt::format("{}= cannot have {} in it: make a symbolic link to it with another name.", setting, word));
}

void UnitNeeds::comment(const std::string& text)
{
    for (std::size_t from = 0; from < text.size();) {
        const std::size_t end = std::min(text.find('\n', from), text.size());
        text_ += fmt::format("# {}\n", printable(text.substr(from, end - from)));
        from = end + 1;
    }
}

}  // namespace drvbus::cli

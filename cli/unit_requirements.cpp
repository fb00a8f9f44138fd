// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/unit_requirements.hpp"

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "cli/device_allow.hpp"
#include "cli/device_permissions.hpp"
#include "cli/quoting.hpp"

namespace drvbus::cli {

namespace {

using Type = DeviceInfo::Type;

bool is_below(const std::string& path, std::initializer_list<const char*> directories)
{
    return std::ranges::any_of(directories, [&](const char* directory) { return path.starts_with(directory); });
}

/// The files other than the device that the steps write to.
std::set<std::string> written_files(const device::Settings& settings)
{
    std::set<std::string> files;
    const auto collect = [&files](const device::SetupStep& first) {
        for (const device::SetupStep* step = &first; step != nullptr; step = step->undo.get()) {
            const auto* const write = std::get_if<device::WriteStep>(&step->operation);
            if (write != nullptr && !write->to.empty())
                files.insert(write->to);
        }
    };
    std::ranges::for_each(settings.setup, collect);
    std::ranges::for_each(settings.rearm, collect);
    if (settings.eventfd_step)
        collect(*settings.eventfd_step);
    return files;
}

}  // namespace

void UnitRequirements::add(const std::string& name, const device::ChannelSettings& channel)
{
    if (!channel.device)
        return;
    const device::Settings& settings = *channel.device;
    text_ += fmt::format("\n# {}: {}\n", name, printable(settings.path_or_match()));
    const std::size_t size = text_.size();
    if (settings.match)
        add_match(settings);
    else if (settings.path.starts_with("fd:"))
        add_comment("Nothing: the service manager passes the open file.");
    else
        add_path(settings);
    for (const std::string& line : channel.unit) {
        if (is_unit_setting(line))
            add_line(line);
        else
            add_comment(
                fmt::format("This string of 'unit' is ignored, because it is not one line SETTING=VALUE: {}", line));
    }
    if (text_.size() == size)
        add_comment("Nothing in addition to the lines above.");
}

void UnitRequirements::add_match(const device::Settings& settings)
{
    const std::vector<std::string> nodes = find(*settings.match);
    for (const std::string& node : nodes) {
        const std::string specifier = device_allow_specifier(device_info(node));
        add_device_allow(specifier.empty() ? node : specifier, settings.writes());
        add_access(node, settings.writes());
    }
    const std::string specifier = device_allow_specifier(*settings.match);
    if (nodes.empty())
        add_comment(
            "The device is absent. Run drvbusctl unit-dropin again when it is present, to add the group that owns "
            "its node.");
    if (nodes.empty() && !specifier.empty())
        add_device_allow(specifier, settings.writes());
    add_written_files(settings, nodes.empty() ? std::string() : nodes.front());
}

void UnitRequirements::add_path(const device::Settings& settings)
{
    const std::string& path = settings.path;
    const DeviceInfo info = device_info(path);
    if (info.is_device() || (is_below(path, {"/dev/"}) && info.type == Type::unknown))
        add_device(info, settings.writes());
    if (is_below(path, {"/home/", "/root/", "/run/user/"}))
        add_comment(fmt::format("ProtectHome=yes hides {}: create it in /run/drvbus, for example.", path));
    if (is_below(path, {"/tmp/", "/var/tmp/"}))
        add_comment(fmt::format("PrivateTmp=yes hides {}: create it in /run/drvbus, for example.", path));
    add_proc_subset(path);
    add_access(path, settings.writes());
    add_written_files(settings, path);
}

void UnitRequirements::add_device(const DeviceInfo& info, bool write)
{
    const std::string specifier = device_allow_specifier(info);
    const bool in_dev = is_below(info.path, {"/dev/"});
    if (in_dev)
        add_device_allow(info.path, write);
    else if (!specifier.empty())
        add_device_allow(specifier, write);
    else
        add_comment("DeviceAllow= accepts only paths in /dev: set 'device' to the path of its node in /dev.");
    if (info.error == ENOENT)
        add_comment("It is absent. systemd looks it up when the service starts: restart the service when it is "
                    "present.");
    else if (in_dev && !specifier.empty())
        add_comment(fmt::format("If it is plugged in while the service runs, all devices of its kind must be allowed: "
                                "DeviceAllow={} {}",
                                specifier, write ? "rw" : "r"));
}

/// The unit has ProcSubset=pid, which hides everything in /proc except the directories of processes.
void UnitRequirements::add_proc_subset(const std::string& path)
{
    const bool of_process = path.size() > 6 && path[6] >= '0' && path[6] <= '9';
    if (is_below(path, {"/proc/"}) && !of_process && !is_below(path, {"/proc/self/"}))
        add_line("ProcSubset=all");
}

/// Adds what the permissions of the file require so that user drvbus, in group drvbus, can open it: a group, or a udev
/// rule as a comment.
void UnitRequirements::add_access(const std::string& path, bool write)
{
    const DeviceInfo info = device_info(path);
    if (info.type == Type::unknown)
        return;
    const std::string group = group_name(info.status.st_gid);
    switch (allowed_users(info, write)) {
    case AllowedUsers::all:
        break;
    case AllowedUsers::group:
        if (group != "drvbus")
            groups_.insert(group);
        break;
    case AllowedUsers::owner:
        if (const std::string rule = udev_rule(info, write); !rule.empty())
            add_comment(fmt::format("{} is {}: the service cannot open it without a udev rule such as this one in "
                                    "/etc/udev/rules.d/71-drvbus-devices.rules:\n{}",
                                    path, ownership(info), rule));
        else if (user_name(info.status.st_uid) != "drvbus")
            add_comment(
                fmt::format("{} is {}: the service cannot open it unless group drvbus may.", path, ownership(info)));
    }
}

/// @param node path of the device; empty if it is absent
void UnitRequirements::add_written_files(const device::Settings& settings, const std::string& node)
{
    constexpr std::string_view kSysfs = "{sysfs}";
    for (std::string path : written_files(settings)) {
        if (!path.starts_with(kSysfs)) {
            add_written_file(path);
            continue;
        }
        add_line("ProtectKernelTunables=no");
        const std::string directory = node.empty() ? std::string() : device_info(node).sysfs;
        if (directory.empty())
            add_comment(
                fmt::format("A step writes to {}, in the device's directory in sysfs: run drvbusctl unit-dropin "
                            "again when the device is present.",
                            path));
        else
            add_written_file(path.replace(0, kSysfs.size(), directory));
    }
}

void UnitRequirements::add_written_file(const std::string& path)
{
    if (is_below(path, {"/sys/fs/cgroup/"}))
        add_line("ProtectControlGroups=no");
    else if (is_below(path, {"/sys/", "/proc/"}))
        add_line("ProtectKernelTunables=no");
    // With "-" the service starts even if the file does not exist.
    add_setting("ReadWritePaths", "-", path, "");
    const DeviceInfo info = device_info(path);
    if (info.type == Type::file && allowed_users(info, true) == AllowedUsers::owner)
        add_comment(fmt::format("{} is {}: a udev rule or a line in tmpfiles.d must allow group drvbus to write to it.",
                                path, ownership(info)));
}

void UnitRequirements::add_device_allow(const std::string& device, bool write)
{
    add_setting("DeviceAllow", "", device, write ? " rw" : " r");
}

void UnitRequirements::add_line(const std::string& line)
{
    if (lines_.insert(line).second)
        text_ += line + "\n";
}

void UnitRequirements::add_setting(const std::string& setting, std::string_view prefix, const std::string& value,
                                   std::string_view suffix)
{
    if (const auto word = unit_word(value))
        add_line(fmt::format("{}={}{}{}", setting, prefix, *word, suffix));
    else
        add_comment(
            fmt::format("{}= cannot contain {}: create a symbolic link to it with another name.", setting, value));
}

void UnitRequirements::add_comment(const std::string& text)
{
    for (std::size_t from = 0; from < text.size();) {
        const std::size_t end = std::min(text.find('\n', from), text.size());
        text_ += fmt::format("# {}\n", printable(text.substr(from, end - from)));
        from = end + 1;
    }
}

}  // namespace drvbus::cli

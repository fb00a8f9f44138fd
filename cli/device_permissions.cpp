// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/device_permissions.hpp"

#include <algorithm>
#include <climits>
#include <vector>

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "cli/quoting.hpp"

namespace drvbus::cli {

AllowedUsers allowed_users(const DeviceInfo& info, bool write)
{
    const mode_t mode = info.status.st_mode;
    const auto has = [mode](mode_t bits) { return (mode & bits) == bits; };
    // connect() needs write permission only.
    const bool socket = info.type == DeviceInfo::Type::socket;
    const bool read = !socket;
    write = write || socket;
    if (has((read ? S_IROTH : 0U) | (write ? S_IWOTH : 0U)))
        return AllowedUsers::all;
    // Group root does not count: no service should become a member of it.
    if (has((read ? S_IRGRP : 0U) | (write ? S_IWGRP : 0U)) && info.status.st_gid != 0)
        return AllowedUsers::group;
    return AllowedUsers::owner;
}

std::string group_name(gid_t group)
{
    const ::group* const entry = getgrgid(group);
    return entry == nullptr ? std::to_string(group) : std::string(entry->gr_name);
}

std::string user_name(uid_t user)
{
    const passwd* const entry = getpwuid(user);
    return entry == nullptr ? std::to_string(user) : std::string(entry->pw_name);
}

std::string ownership(const DeviceInfo& info)
{
    return fmt::format("{}:{}, mode {:04o}", user_name(info.status.st_uid), group_name(info.status.st_gid),
                       info.status.st_mode & 07777U);
}

std::string udev_rule(const DeviceInfo& info, bool write)
{
    const auto is_literal = [](const std::string& text) {
        return !text.empty() && text == printable(text) && text.find_first_of("\"\\$%*?[|") == std::string::npos;
    };
    if (!is_literal(info.subsystem) || !is_literal(info.sysname))
        return {};
    return fmt::format(R"(SUBSYSTEM=="{}", KERNEL=="{}", GROUP="drvbus", MODE="{}")", info.subsystem, info.sysname,
                       write ? "0660" : "0640");
}

std::string access_advice(const DeviceInfo& info, bool write)
{
    const AllowedUsers allowed = allowed_users(info, write);
    if (allowed == AllowedUsers::all)
        return "its mode allows access, so something else denies it: a missing capability (CAP_SYSLOG for /dev/kmsg), "
               "a directory in its path, a security module, or DeviceAllow= of a service";
    if (allowed == AllowedUsers::group)
        return fmt::format("members of group {0} may: usermod -aG {0} USER; for the service, see "
                           "drvbusctl unit-dropin",
                           printable(group_name(info.status.st_gid)));
    if (const std::string rule = udev_rule(info, write); !rule.empty())
        return fmt::format("give it to group drvbus by a line in /etc/udev/rules.d/71-drvbus-devices.rules: {}", rule);
    return fmt::format("give it to a group of this user: chgrp GROUP, then chmod g+{}", write ? "rw" : "r");
}

std::string service_access_note(const DeviceInfo& info, bool write)
{
    const passwd* const user = geteuid() == 0 ? getpwnam("drvbus") : nullptr;
    const AllowedUsers allowed = allowed_users(info, write);
    if (user == nullptr || allowed == AllowedUsers::all || info.status.st_uid == user->pw_uid)
        return {};
    std::vector<gid_t> groups(NGROUPS_MAX);
    int count = static_cast<int>(groups.size());
    groups.resize(static_cast<std::size_t>(std::max(getgrouplist("drvbus", user->pw_gid, groups.data(), &count), 0)));
    if (allowed == AllowedUsers::group && std::ranges::find(groups, info.status.st_gid) != groups.end())
        return {};
    return fmt::format("the service's user drvbus may not, because it is {}: see drvbusctl unit-dropin",
                       printable(ownership(info)));
}

}  // namespace drvbus::cli

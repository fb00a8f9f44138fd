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

Granted granted(const Identity& identity, bool write)
{
    const mode_t mode = identity.status.st_mode;
    const auto has = [mode](mode_t rights) { return (mode & rights) == rights; };
    // Whoever connects to a socket has to be allowed to write to it, and nothing else.
    const bool socket = identity.sort == Identity::Sort::socket;
    const bool read = !socket;
    write = write || socket;
    if (has((read ? S_IROTH : 0U) | (write ? S_IWOTH : 0U)))
        return Granted::all;
    if (has((read ? S_IRGRP : 0U) | (write ? S_IWGRP : 0U)) && identity.status.st_gid != 0)
        return Granted::group;
    return Granted::nobody;
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

std::string ownership(const Identity& identity)
{
    return fmt::format("{}:{}, mode {:04o}", user_name(identity.status.st_uid), group_name(identity.status.st_gid),
                       identity.status.st_mode & 07777U);
}

std::string udev_rule(const Identity& identity, bool write)
{
    const auto plain = [](const std::string& text) {
        return !text.empty() && text == printable(text) && text.find_first_of("\"\\$%*?[|") == std::string::npos;
    };
    if (!plain(identity.subsystem) || !plain(identity.sysname))
        return {};
    return fmt::format(R"(SUBSYSTEM=="{}", KERNEL=="{}", GROUP="drvbus", MODE="{}")", identity.subsystem,
                       identity.sysname, write ? "0660" : "0640");
}

std::string permission_advice(const Identity& identity, bool write)
{
    if (granted(identity, write) == Granted::all)
        return "that allows it, but it may need a capability (CAP_SYSLOG for /dev/kmsg), or a folder above it, a "
               "security module or a service's DeviceAllow= keeps this process out";
    if (granted(identity, write) == Granted::group)
        return fmt::format("members of group {0} may: usermod -aG {0} USER; for the service see "
                           "drvbusctl unit-dropin",
                           printable(group_name(identity.status.st_gid)));
    if (const std::string rule = udev_rule(identity, write); !rule.empty())
        return fmt::format("give it to group drvbus by a line in /etc/udev/rules.d/71-drvbus-devices.rules: {}", rule);
    return fmt::format("give it to a group of this user's: chgrp GROUP and chmod g+{} on it", write ? "rw" : "r");
}

std::string service_note(const Identity& identity, bool write)
{
    const passwd* const user = geteuid() == 0 ? getpwnam("drvbus") : nullptr;
    const Granted to = granted(identity, write);
    if (user == nullptr || to == Granted::all || identity.status.st_uid == user->pw_uid)
        return {};
    std::vector<gid_t> groups(NGROUPS_MAX);
    int count = static_cast<int>(groups.size());
    groups.resize(static_cast<std::size_t>(std::max(getgrouplist("drvbus", user->pw_gid, groups.data(), &count), 0)));
    if (to == Granted::group && std::ranges::find(groups, identity.status.st_gid) != groups.end())
        return {};
    return fmt::format("the service's user, drvbus, may not by itself, for it is {}: see drvbusctl unit-dropin",
                       printable(ownership(identity)));
}

}  // namespace drvbus::cli

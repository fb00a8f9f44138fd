// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/device_users.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/quoting.hpp"

namespace drvbus::cli {

namespace {

namespace fs = std::filesystem;

/// Calls `visit` with the path of each entry of a directory. Ignores errors: a process may end in the meantime, and
/// some are not accessible.
template <typename Visit>
void for_each_entry(const fs::path& directory, Visit visit)
{
    std::error_code error;
    for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
        visit(at->path());
}

bool has_open(const fs::path& process, const DeviceInfo& info)
{
    bool found = false;
    for_each_entry(process / "fd", [&](const fs::path& file) {
        struct stat status {};
        found = found || (stat(file.c_str(), &status) == 0 && status.st_rdev == info.status.st_rdev &&
                          (status.st_mode & S_IFMT) == (info.status.st_mode & S_IFMT));
    });
    return found;
}

bool is_number(const std::string& text)
{
    return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

DeviceUsers find_device_users(const DeviceInfo& info)
{
    std::set<std::string> names;
    if (info.is_device())
        for_each_entry("/proc", [&](const fs::path& process) {
            if (!is_number(process.filename().string()) || !has_open(process, info))
                return;
            std::ifstream file(process / "comm");
            std::string name;
            std::getline(file, name);
            names.insert(printable(name));
        });
    // systemd does not use the device: its file descriptor store keeps the descriptors of drvbusd.
    const bool drvbusd = names.contains("drvbusd");
    if (drvbusd)
        names.erase("systemd");
    return {names.empty() ? "a process that this user cannot see" : fmt::format("{}", fmt::join(names, ", ")), drvbusd};
}

}  // namespace drvbus::cli

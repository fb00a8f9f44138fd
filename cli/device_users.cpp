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

/// Does so for each entry that can be seen: processes come and go meanwhile.
template <typename Look>
void for_each_in(const fs::path& folder, Look look)
{
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
        look(at->path());
}

bool has_open(const fs::path& process, const Identity& identity)
{
    bool found = false;
    for_each_in(process / "fd", [&](const fs::path& file) {
        struct stat status {};
        found = found || (stat(file.c_str(), &status) == 0 && status.st_rdev == identity.status.st_rdev &&
                          (status.st_mode & S_IFMT) == (identity.status.st_mode & S_IFMT));
    });
    return found;
}

bool is_number(const std::string& text)
{
    return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Holders holders_of(const Identity& identity)
{
    std::set<std::string> names;
    if (identity.is_node())
        for_each_in("/proc", [&](const fs::path& process) {
            if (!is_number(process.filename().string()) || !has_open(process, identity))
                return;
            std::ifstream file(process / "comm");
            std::string name;
            std::getline(file, name);
            names.insert(printable(name));
        });
    // It has the service manager keep what it has open.
    const bool drvbusd = names.contains("drvbusd");
    if (drvbusd)
        names.erase("systemd");
    return {names.empty() ? "a process that this user may not see" : fmt::format("{}", fmt::join(names, ", ")),
            drvbusd};
}

}  // namespace drvbus::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/device_info.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include "cli/quoting.hpp"

namespace drvbus::cli {

namespace {

Identity::Sort sort_of(mode_t mode)
{
    using Sort = Identity::Sort;
    switch (mode & S_IFMT) {
    case S_IFCHR:
        return Sort::character;
    case S_IFBLK:
        return Sort::block;
    case S_IFIFO:
        return Sort::fifo;
    case S_IFSOCK:
        return Sort::socket;
    case S_IFREG:
        return Sort::file;
    default:
        return Sort::other;
    }
}

/// What /proc/devices calls the major number. Where it has several names, the longest that `sysname` begins with.
std::string group_of(unsigned major_number, bool character, const std::string& sysname)
{
    std::ifstream file("/proc/devices");
    bool here = false;
    std::string group;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        unsigned number = 0;
        std::string name;
        if (line.ends_with("devices:"))
            here = line.starts_with(character ? "Character" : "Block");
        else if (here && words >> number >> name && number == major_number &&
                 (group.empty() || (sysname.starts_with(name) && name.size() > group.size()) ||
                  !sysname.starts_with(group)))
            group = name;
    }
    return group;
}

/// Of the device itself, or of the next one above it that has one.
std::string driver_of(sd_device* device)
{
    for (sd_device* at = device; at != nullptr;) {
        const char* driver = nullptr;
        if (sd_device_get_driver(at, &driver) >= 0 && driver != nullptr)
            return driver;
        sd_device* parent = nullptr;
        at = sd_device_get_parent(at, &parent) < 0 ? nullptr : parent;
    }
    return {};
}

std::string text_of(sd_device* device, int (*get)(sd_device*, const char**))
{
    const char* text = nullptr;
    return get(device, &text) < 0 || text == nullptr ? std::string() : std::string(text);
}

void find_out(Identity& identity)
{
    identity.sort = sort_of(identity.status.st_mode);
    if (!identity.is_node())
        return;
    if (const DevicePtr device = device_of(identity)) {
        identity.subsystem = text_of(device.get(), sd_device_get_subsystem);
        identity.sysname = text_of(device.get(), sd_device_get_sysname);
        identity.sysfs = text_of(device.get(), sd_device_get_syspath);
        identity.driver = driver_of(device.get());
    }
    identity.group =
        group_of(major(identity.status.st_rdev), identity.sort == Identity::Sort::character, identity.sysname);
}

}  // namespace

Identity identify(const std::string& path)
{
    Identity identity;
    identity.path = path;
    if (stat(path.c_str(), &identity.status) < 0)
        identity.error = errno;
    else
        find_out(identity);
    return identity;
}

Identity identify(const std::string& path, int fd)
{
    struct stat status {};
    // A socket that is connected is another one than the one on the path.
    if (fstat(fd, &status) < 0 || S_ISSOCK(status.st_mode))
        return identify(path);
    Identity identity;
    identity.path = path;
    identity.status = status;
    find_out(identity);
    return identity;
}

DevicePtr device_of(const Identity& identity)
{
    sd_device* device = nullptr;
    if (!identity.is_node() ||
        sd_device_new_from_devnum(&device, identity.sort == Identity::Sort::character ? 'c' : 'b',
                                  identity.status.st_rdev) < 0)
        return nullptr;
    return DevicePtr(device);
}

std::string to_string(const Identity& identity)
{
    switch (identity.sort) {
    case Identity::Sort::missing:
        return std::strerror(identity.error);
    case Identity::Sort::fifo:
        return "FIFO";
    case Identity::Sort::socket:
        return "Unix socket";
    case Identity::Sort::file:
        return "file";
    case Identity::Sort::other:
        return "neither a device nor a file";
    default:
        break;
    }
    std::string text =
        fmt::format("{} device {}:{}", identity.sort == Identity::Sort::character ? "character" : "block",
                    major(identity.status.st_rdev), minor(identity.status.st_rdev));
    if (!identity.group.empty())
        text += fmt::format(" ({})", identity.group);
    if (!identity.subsystem.empty())
        text += fmt::format(", subsystem \"{}\"", identity.subsystem);
    if (!identity.driver.empty())
        text += fmt::format(", driver \"{}\"", printable(identity.driver));
    return text;
}

}  // namespace drvbus::cli

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

using Type = DeviceInfo::Type;

Type type_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFCHR:
        return Type::character_device;
    case S_IFBLK:
        return Type::block_device;
    case S_IFIFO:
        return Type::fifo;
    case S_IFSOCK:
        return Type::socket;
    case S_IFREG:
        return Type::file;
    default:
        return Type::other;
    }
}

/// The name of a major number in /proc/devices. If there are several, the longest one with which `sysname` begins.
std::string major_name(unsigned major_number, bool character, const std::string& sysname)
{
    std::ifstream file("/proc/devices");
    bool in_section = false;
    std::string result;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        unsigned number = 0;
        std::string name;
        if (line.ends_with("devices:"))
            in_section = line.starts_with(character ? "Character" : "Block");
        else if (in_section && words >> number >> name && number == major_number &&
                 (result.empty() || (sysname.starts_with(name) && name.size() > result.size()) ||
                  !sysname.starts_with(result)))
            result = name;
    }
    return result;
}

std::string driver_of(sd_device* device)
{
    while (device != nullptr) {
        const char* driver = nullptr;
        if (sd_device_get_driver(device, &driver) >= 0 && driver != nullptr)
            return driver;
        sd_device* parent = nullptr;
        device = sd_device_get_parent(device, &parent) < 0 ? nullptr : parent;
    }
    return {};
}

std::string text_of(sd_device* device, int (*get)(sd_device*, const char**))
{
    const char* text = nullptr;
    return get(device, &text) < 0 || text == nullptr ? std::string() : std::string(text);
}

/// Fills in all that follows from path and status.
void complete(DeviceInfo& info)
{
    info.type = type_of(info.status.st_mode);
    if (!info.is_device())
        return;
    if (const device::SdDevicePtr device = find_sd_device(info)) {
        info.subsystem = text_of(device.get(), sd_device_get_subsystem);
        info.sysname = text_of(device.get(), sd_device_get_sysname);
        info.sysfs = text_of(device.get(), sd_device_get_syspath);
        info.driver = driver_of(device.get());
    }
    info.major_name = major_name(major(info.status.st_rdev), info.type == Type::character_device, info.sysname);
}

}  // namespace

DeviceInfo device_info(const std::string& path)
{
    DeviceInfo info;
    info.path = path;
    if (stat(path.c_str(), &info.status) < 0)
        info.error = errno;
    else
        complete(info);
    return info;
}

DeviceInfo device_info(const std::string& path, int fd)
{
    struct stat status {};
    // The fd of a connected socket is not the socket at the path.
    if (fstat(fd, &status) < 0 || S_ISSOCK(status.st_mode))
        return device_info(path);
    DeviceInfo info;
    info.path = path;
    info.status = status;
    complete(info);
    return info;
}

device::SdDevicePtr find_sd_device(const DeviceInfo& info)
{
    sd_device* device = nullptr;
    if (!info.is_device() ||
        sd_device_new_from_devnum(&device, info.type == Type::character_device ? 'c' : 'b', info.status.st_rdev) < 0)
        return nullptr;
    return device::SdDevicePtr(device);
}

std::string describe(const DeviceInfo& info)
{
    switch (info.type) {
    case Type::unknown:
        return std::strerror(info.error);
    case Type::fifo:
        return "FIFO";
    case Type::socket:
        return "Unix socket";
    case Type::file:
        return "file";
    case Type::other:
        return "neither a device nor a file";
    default:
        break;
    }
    std::string text = fmt::format("{} device {}:{}", info.type == Type::character_device ? "character" : "block",
                                   major(info.status.st_rdev), minor(info.status.st_rdev));
    if (!info.major_name.empty())
        text += fmt::format(" ({})", info.major_name);
    if (!info.subsystem.empty())
        text += fmt::format(", subsystem \"{}\"", info.subsystem);
    if (!info.driver.empty())
        text += fmt::format(", driver \"{}\"", printable(info.driver));
    return text;
}

}  // namespace drvbus::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device/match.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include "base/errno.hpp"
#include "device/sd_device_ptr.hpp"

namespace drvbus::device {

namespace {

bool matches(const std::string& pattern, const char* value)
{
    return fnmatch(pattern.c_str(), value, 0) == 0;
}

/// Whether every pattern matches the value that `get` returns for its name.
template <typename Get>
bool all_match(const std::map<std::string, std::string>& patterns, Get get)
{
    return std::ranges::all_of(patterns, [&](const auto& pattern) {
        const char* value = nullptr;
        return get(pattern.first.c_str(), &value) >= 0 && matches(pattern.second, value);
    });
}

}  // namespace

bool matches(const Match& match, sd_device* device)
{
    const char* subsystem = nullptr;
    const char* sysname = nullptr;
    const char* node = nullptr;
    if (sd_device_get_subsystem(device, &subsystem) < 0 || sd_device_get_sysname(device, &sysname) < 0 ||
        sd_device_get_devname(device, &node) < 0)
        return false;
    return matches(match.subsystem, subsystem) && (match.sysname.empty() || matches(match.sysname, sysname)) &&
           all_match(match.attributes,
                     [device](const char* name, const char** value) {
                         return sd_device_get_sysattr_value(device, name, value);
                     }) &&
           all_match(match.properties, [device](const char* name, const char** value) {
               return sd_device_get_property_value(device, name, value);
           });
}

std::vector<std::string> find(const Match& match)
{
    sd_device_enumerator* raw = nullptr;
    check(sd_device_enumerator_new(&raw), "sd_device_enumerator_new");
    const SdDeviceEnumeratorPtr enumerator(raw);
    check(sd_device_enumerator_add_match_subsystem(raw, match.subsystem.c_str(), true),
          "sd_device_enumerator_add_match_subsystem");
    // A device that udev has not processed yet has no properties. If the match rule needs them, ArrivalMonitor reports
    // the device later.
    check(sd_device_enumerator_allow_uninitialized(raw), "sd_device_enumerator_allow_uninitialized");

    std::vector<std::pair<std::string, std::string>> found;
    for (sd_device* device = sd_device_enumerator_get_device_first(raw); device != nullptr;
         device = sd_device_enumerator_get_device_next(raw)) {
        const char* path = nullptr;
        const char* node = nullptr;
        if (matches(match, device) && sd_device_get_syspath(device, &path) >= 0 &&
            sd_device_get_devname(device, &node) >= 0)
            found.emplace_back(path, node);
    }
    std::ranges::sort(found);
    std::vector<std::string> nodes;
    nodes.reserve(found.size());
    for (auto& [path, node] : found)
        nodes.push_back(std::move(node));
    return nodes;
}

std::string sysfs_path_of(int fd)
{
    struct stat status {};
    if (fstat(fd, &status) < 0 || (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode)))
        return {};
    sd_device* raw = nullptr;
    if (sd_device_new_from_devnum(&raw, S_ISCHR(status.st_mode) ? 'c' : 'b', status.st_rdev) < 0)
        return {};
    const SdDevicePtr device(raw);
    const char* path = nullptr;
    return sd_device_get_syspath(raw, &path) < 0 ? std::string() : std::string(path);
}

std::string to_string(const Match& match)
{
    std::string text = fmt::format("subsystem \"{}\"", match.subsystem);
    if (!match.sysname.empty())
        text += fmt::format(", sysname \"{}\"", match.sysname);
    for (const auto& [name, value] : match.attributes)
        text += fmt::format(", attribute {} \"{}\"", name, value);
    for (const auto& [name, value] : match.properties)
        text += fmt::format(", property {} \"{}\"", name, value);
    return text;
}

}  // namespace drvbus::device

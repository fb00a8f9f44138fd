// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device/match.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include "base/errno.hpp"
#include "device/sd_device_ptr.hpp"

namespace drvbus::device {

namespace {

/// One value of a match rule.
struct Condition {
    std::string label;  ///< for messages, such as `attribute device/name`
    std::function<int(sd_device*, const char**)> get;
    std::string wanted;
};

std::vector<Condition> conditions_of(const Match& match)
{
    std::vector<Condition> conditions{{"subsystem", sd_device_get_subsystem, match.subsystem}};
    if (!match.sysname.empty())
        conditions.push_back({"sysname", sd_device_get_sysname, match.sysname});
    for (const auto& [name, wanted] : match.attributes)
        conditions.push_back({"attribute " + name,
                              [name = name](sd_device* device, const char** value) {
                                  return sd_device_get_sysattr_value(device, name.c_str(), value);
                              },
                              wanted});
    for (const auto& [name, wanted] : match.properties)
        conditions.push_back({"property " + name,
                              [name = name](sd_device* device, const char** value) {
                                  return sd_device_get_property_value(device, name.c_str(), value);
                              },
                              wanted});
    return conditions;
}

const char* node_of(sd_device* device)
{
    const char* node = nullptr;
    return sd_device_get_devname(device, &node) < 0 ? nullptr : node;
}

/// Calls `visit` with each device that has a node and could match.
void for_each_device(const Match& match, const std::function<void(sd_device*)>& visit)
{
    sd_device_enumerator* raw = nullptr;
    check(sd_device_enumerator_new(&raw), "sd_device_enumerator_new");
    const SdDeviceEnumeratorPtr enumerator(raw);
    const bool glob = match.subsystem.starts_with(kGlob);
    const std::string subsystem = glob ? match.subsystem.substr(kGlob.size()) : match.subsystem;
    for (const std::string& pattern : {subsystem, literal_pattern(subsystem)})
        check(sd_device_enumerator_add_match_subsystem(raw, pattern.c_str(), true),
              "sd_device_enumerator_add_match_subsystem");
    // A device that udev has not processed yet has no properties. If the match rule needs them, ArrivalMonitor reports
    // the device later.
    check(sd_device_enumerator_allow_uninitialized(raw), "sd_device_enumerator_allow_uninitialized");
    for (sd_device* device = sd_device_enumerator_get_device_first(raw); device != nullptr;
         device = sd_device_enumerator_get_device_next(raw)) {
        if (node_of(device) != nullptr)
            visit(device);
    }
}

/// What has to be written instead, so that the device matches. Empty if corrections do not help.
std::string corrections_for(const std::vector<Condition>& conditions, sd_device* device)
{
    std::string text;
    for (const Condition& condition : conditions) {
        const char* value = nullptr;
        if (condition.get(device, &value) < 0)
            return {};
        if (value_matches(condition.wanted, value))
            continue;
        const std::string correction = corrected(condition.wanted, value);
        if (correction.empty())
            return {};
        text += fmt::format("{}for {} write \"{}\", because \"{}\" is {}", text.empty() ? "" : ", and ",
                            condition.label, correction, condition.wanted,
                            condition.wanted.starts_with(kGlob) ? "a pattern" : "the exact text and no pattern");
    }
    return text;
}

}  // namespace

bool value_matches(std::string_view wanted, const std::string& value)
{
    if (wanted.starts_with(kGlob))
        return fnmatch(std::string(wanted.substr(kGlob.size())).c_str(), value.c_str(), 0) == 0;
    return wanted == value;
}

std::string corrected(std::string_view wanted, const std::string& value)
{
    if (value_matches(wanted, value))
        return {};
    const std::string other =
        wanted.starts_with(kGlob) ? std::string(wanted.substr(kGlob.size())) : fmt::format("{}{}", kGlob, wanted);
    return value_matches(other, value) ? other : std::string();
}

std::string literal_pattern(std::string_view text)
{
    std::string result;
    for (const char c : text) {
        if (std::string_view("*?[\\").find(c) != std::string_view::npos)
            result.push_back('\\');
        result.push_back(c);
    }
    return result;
}

bool matches(const Match& match, sd_device* device)
{
    return node_of(device) != nullptr &&
           std::ranges::all_of(conditions_of(match), [device](const Condition& condition) {
               const char* value = nullptr;
               return condition.get(device, &value) >= 0 && value_matches(condition.wanted, value);
           });
}

std::vector<std::string> find(const Match& match)
{
    std::vector<std::pair<std::string, std::string>> found;
    for_each_device(match, [&](sd_device* device) {
        const char* path = nullptr;
        if (matches(match, device) && sd_device_get_syspath(device, &path) >= 0)
            found.emplace_back(path, node_of(device));
    });
    std::ranges::sort(found);
    std::vector<std::string> nodes;
    nodes.reserve(found.size());
    for (auto& [path, node] : found)
        nodes.push_back(std::move(node));
    return nodes;
}

std::string advice(const Match& match)
{
    const std::vector<Condition> conditions = conditions_of(match);
    std::string text;
    for_each_device(match, [&](sd_device* device) {
        if (!text.empty())
            return;
        if (const std::string corrections = corrections_for(conditions, device); !corrections.empty())
            text = fmt::format("to use {}, {}", node_of(device), corrections);
    });
    return text;
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
    std::vector<std::string> parts;
    for (const Condition& condition : conditions_of(match))
        parts.push_back(fmt::format("{} \"{}\"", condition.label, condition.wanted));
    return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace drvbus::device

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// By what a device is known again.
#include "cli/channel_suggestion.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "cli/quoting.hpp"
#include "device/match.hpp"

namespace drvbus::cli {

namespace {

std::string attribute(sd_device* device, const char* name)
{
    const char* value = nullptr;
    return sd_device_get_sysattr_value(device, name, &value) < 0 ? std::string() : std::string(value);
}

std::string property(sd_device* device, const char* name)
{
    const char* value = nullptr;
    return sd_device_get_property_value(device, name, &value) < 0 ? std::string() : std::string(value);
}

/// event3 -> event*
std::string any_number(std::string name)
{
    name.erase(std::ranges::find_if(name.rbegin(), name.rend(), [](char c) { return c < '0' || c > '9'; }).base(),
               name.end());
    return pattern_of(name) + "*";
}

/// What of the device does not change when it is plugged in again: the first that it has.
bool add_mark(device::Match& match, sd_device* device)
{
    for (const char* const name : {"device/name", "name"}) {
        if (const std::string value = attribute(device, name); !value.empty()) {
            match.attributes.emplace(name, pattern_of(value));
            return true;
        }
    }
    for (const char* const name : {"ID_SERIAL_SHORT", "ID_PATH"}) {
        if (const std::string value = property(device, name); !value.empty()) {
            match.properties.emplace(name, pattern_of(value));
            // One with several interfaces has several nodes.
            if (const std::string part = property(device, "ID_USB_INTERFACE_NUM"); !part.empty())
                match.properties.emplace("ID_USB_INTERFACE_NUM", part);
            return true;
        }
    }
    return false;
}

bool add_patterns(std::string& text, const char* key, const std::map<std::string, std::string>& patterns)
{
    std::string inside;
    for (const auto& [name, pattern] : patterns) {
        const auto value = toml_string(pattern);
        if (!value)
            return false;
        inside += fmt::format("{}\"{}\" = {}", inside.empty() ? "" : ", ", name, *value);
    }
    if (!inside.empty())
        text += fmt::format(", {} = {{ {} }}", key, inside);
    return true;
}

}  // namespace

std::string match_for(const Identity& identity)
{
    const DevicePtr device = device_of(identity);
    if (!device || identity.subsystem.empty())
        return {};
    device::Match match{
        .subsystem = identity.subsystem, .sysname = any_number(identity.sysname), .attributes = {}, .properties = {}};
    if (!add_mark(match, device.get()) || !device::fits(match, device.get()) || find(match).size() != 1)
        return {};
    const auto subsystem = toml_string(match.subsystem);
    const auto sysname = toml_string(match.sysname);
    if (!subsystem || !sysname)
        return {};
    std::string text = fmt::format("match = {{ subsystem = {}, sysname = {}", *subsystem, *sysname);
    if (!add_patterns(text, "attributes", match.attributes) || !add_patterns(text, "properties", match.properties))
        return {};
    return text + " }";
}

}  // namespace drvbus::cli

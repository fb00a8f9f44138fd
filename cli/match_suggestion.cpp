// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A match that finds a device again when its path has changed.
#include "cli/channel_suggestion.hpp"

#include <algorithm>
#include <map>

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

/// `event3` becomes `glob:event*`.
std::string any_number(std::string name)
{
    name.erase(std::ranges::find_if(name.rbegin(), name.rend(), [](char c) { return c < '0' || c > '9'; }).base(),
               name.end());
    return fmt::format("{}{}*", device::kGlob, device::literal_pattern(name));
}

/// The value for a match rule that only `text` matches.
std::string exactly(const std::string& text)
{
    return text.starts_with(device::kGlob) ? fmt::format("{}{}", device::kGlob, device::literal_pattern(text)) : text;
}

/// Adds the first attribute or property of the device that does not change when it is plugged in again.
/// @returns whether it has one
bool add_identification(device::Match& match, sd_device* device)
{
    for (const char* const name : {"device/name", "name"}) {
        if (const std::string value = attribute(device, name); !value.empty()) {
            match.attributes.emplace(name, exactly(value));
            return true;
        }
    }
    for (const char* const name : {"ID_SERIAL_SHORT", "ID_PATH"}) {
        if (const std::string value = property(device, name); !value.empty()) {
            match.properties.emplace(name, exactly(value));
            // A USB device with several interfaces has several nodes.
            if (const std::string part = property(device, "ID_USB_INTERFACE_NUM"); !part.empty())
                match.properties.emplace("ID_USB_INTERFACE_NUM", part);
            return true;
        }
    }
    return false;
}

/// @returns whether TOML can represent the values
bool add_values(std::string& text, const char* key, const std::map<std::string, std::string>& values)
{
    std::string table;
    for (const auto& [name, wanted] : values) {
        const auto value = toml_string(wanted);
        if (!value)
            return false;
        table += fmt::format("{}\"{}\" = {}", table.empty() ? "" : ", ", name, *value);
    }
    if (!table.empty())
        text += fmt::format(", {} = {{ {} }}", key, table);
    return true;
}

}  // namespace

std::string suggest_match(const DeviceInfo& info)
{
    const device::SdDevicePtr device = find_sd_device(info);
    if (!device || info.subsystem.empty())
        return {};
    device::Match match{
        .subsystem = info.subsystem, .sysname = any_number(info.sysname), .attributes = {}, .properties = {}};
    if (!add_identification(match, device.get()) || !device::matches(match, device.get()) || find(match).size() != 1)
        return {};
    const auto subsystem = toml_string(match.subsystem);
    const auto sysname = toml_string(match.sysname);
    if (!subsystem || !sysname)
        return {};
    std::string text = fmt::format("match = {{ subsystem = {}, sysname = {}", *subsystem, *sysname);
    if (!add_values(text, "attributes", match.attributes) || !add_values(text, "properties", match.properties))
        return {};
    return text + " }";
}

}  // namespace drvbus::cli

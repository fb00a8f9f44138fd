// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/channel_suggestion.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fnmatch.h>
#include <linux/drvbus.h>
#include <linux/input.h>

#include "cli/quoting.hpp"
#include "config/config.hpp"

namespace drvbus::cli {

namespace {

namespace fs = std::filesystem;
using Kind = Layout::Kind;

/// The path without symbolic links.
std::string real_path(const std::string& path)
{
    std::error_code error;
    const fs::path real = fs::canonical(path, error);
    return error ? path : real.string();
}

std::string absolute_path(const std::string& path)
{
    std::error_code error;
    const fs::path absolute = fs::absolute(path, error);
    return error ? path : absolute.lexically_normal().string();
}

/// Turns each line of the settings into a comment.
/// @param remark explanation that is appended to the first line
std::string as_comment(const std::string& settings, const std::string& remark)
{
    std::string text;
    for (std::size_t from = 0; from < settings.size();) {
        const std::size_t end = std::min(settings.find('\n', from), settings.size());
        text += fmt::format("# {}{}\n", settings.substr(from, end - from), from == 0 ? "   # " + remark : "");
        from = end + 1;
    }
    return text;
}

/// Settings for the framing and decoding of struct input_event.
std::string input_event_settings()
{
    constexpr std::size_t kTimeBits = 8 * sizeof(input_event::input_event_sec);
    return fmt::format("records = \"fixed\"\nformat = \"s{0} _sec; s{0} _usec; u16 type; u16 code; s32 value\"\n"
                       "id = [\"type\", \"code\"]\ntime = {{ s = \"_sec\", us = \"_usec\" }}\nclock = \"realtime\"\n",
                       kTimeBits);
}

std::string fixed_record_settings(const Layout& layout)
{
    std::string text = fmt::format("records = \"fixed\"\nformat = \"{}\"   # {} bytes: a guess, rename the fields\n",
                                   layout.fields.format, layout.size);
    for (const std::string& setting : layout.fields.settings)
        text += as_comment(setting, "a guess");
    return text;
}

std::string delimiter_setting(const Layout& layout)
{
    return layout.delimiter.empty() ? "" : fmt::format("delimiter = {}\n", layout.delimiter);
}

/// Settings for the framing and decoding of data for which there is no preset.
std::string data_settings(const DeviceInfo& info, const Layout& layout)
{
    const std::string path = real_path(info.path);
    const bool snapshot =
        info.type == DeviceInfo::Type::file && (path.starts_with("/sys/") || path.starts_with("/proc/"));
    const bool text = layout.kind == Kind::text_lines || layout.kind == Kind::text;
    if (snapshot)
        return text ? "records = \"snapshot\"\nformat = \"char text[]\"\n" : "records = \"snapshot\"\n";
    switch (layout.kind) {
    case Kind::drvbus_records:
        return "records = \"drvbus\"\n";
    case Kind::text_lines:
        return "records = \"lines\"\n" + delimiter_setting(layout) + "format = \"char text[]\"\n";
    case Kind::text:
        return "records = \"raw\"\nformat = \"char text[]\"\n";
    case Kind::input_events:
        return input_event_settings();
    case Kind::fixed:
        return fixed_record_settings(layout);
    default:
        return "records = \"raw\"   # the data of each read is one event; for 'format' see docs/formats.md\n";
    }
}

/// Settings that the user must or may add to a preset.
std::string additional_settings(const std::string& preset, const DeviceInfo& info, const Layout& layout,
                                bool typed_input)
{
    constexpr const char* kBaud = "baud = 115200";
    constexpr const char* kBaudRemark = "the speed of the line, if it differs";
    if (preset == "evdev")
        return typed_input ? as_comment("allow_keyboard = true", "publishes everything that is typed on it") : "";
    if (preset == "fifo")
        return delimiter_setting(layout);
    if (preset == "serial" && (layout.kind == Kind::text_lines || layout.kind == Kind::no_data))
        return delimiter_setting(layout) + as_comment(kBaud, kBaudRemark);
    if (preset == "serial" && layout.kind == Kind::text)
        return "records = \"raw\"   # no end of a record was received\n" + as_comment(kBaud, kBaudRemark);
    if (preset == "serial")
        return "records = \"raw\"   # no lines of text were received\nformat = \"\"\n" + as_comment(kBaud, kBaudRemark);
    if (preset == "psi")
        return fmt::format("resource = \"{}\"\n", fs::path(real_path(info.path)).filename().string());
    if (preset == "gpio")
        return "line = 0   # the offset of the GPIO line\n";
    if (preset == "iio")
        return as_comment("enable = \"in_voltage0_thresh_rising_en\"", "a file in the device's directory events");
    return {};
}

/// The preset according to the device and its data; empty if there is none.
std::string choose_preset(const DeviceInfo& info, const Layout& layout)
{
    std::string preset = preset_for(info);
    const bool is_fifo_or_socket = info.type == DeviceInfo::Type::fifo || info.type == DeviceInfo::Type::socket;
    if (preset.empty() && is_fifo_or_socket && layout.kind == Kind::text_lines)
        preset = "fifo";
    if (preset.empty() && info.type == DeviceInfo::Type::character_device && layout.kind == Kind::input_events)
        preset = "evdev";
    return preset;
}

/// A draft for a device of class drvbus, in which all settings are optional.
std::string suggest_drvbus_class_device(const DeviceInfo& info)
{
    return fmt::format("# A device of class drvbus: it needs no configuration. Optional settings:\n"
                       "[[channel]]\nname = \"{}\"\n# format = \"u32 value\"   # instead of the driver's\n",
                       suggest_channel_name(info.sysname));
}

}  // namespace

std::string suggest_channel_name(const std::string& path)
{
    const fs::path file(path);
    std::string name = file.filename().string();
    if (!name.empty() && name.front() >= '0' && name.front() <= '9' && file.has_parent_path())
        name = file.parent_path().filename().string() + "-" + name;
    std::ranges::replace_if(
        name, [](char c) { return !is_channel_name(std::string_view(&c, 1)); }, '-');
    name.erase(0, std::min(name.find_first_not_of('-'), name.size()));
    name.resize(std::min<std::size_t>(name.size(), DRVBUS_NAME_MAX));
    return name.empty() ? "device" : name;
}

std::string preset_for(const DeviceInfo& info)
{
    constexpr std::pair<const char*, const char*> kPresets[] = {
        {"/dev/input/event*", "evdev"}, {"/dev/rtc[0-9]*", "rtc"},     {"/dev/uio[0-9]*", "uio"},
        {"/dev/ttyS[0-9]*", "serial"},  {"/dev/ttyUSB*", "serial"},    {"/dev/ttyACM*", "serial"},
        {"/dev/ttyAMA*", "serial"},     {"/dev/pts/[0-9]*", "serial"}, {"/dev/gpiochip*", "gpio"},
        {"/dev/iio:device*", "iio"},    {"/proc/pressure/*", "psi"},   {"/dev/kmsg", "kmsg"},
    };
    const std::string path = real_path(info.path);
    for (const auto& [pattern, preset] : kPresets) {
        if (fnmatch(pattern, path.c_str(), FNM_PATHNAME) == 0)
            return preset;
    }
    return {};
}

std::string suggest_channel(const DeviceInfo& info, const Layout& layout, bool typed_input)
{
    if (info.subsystem == "drvbus")
        return suggest_drvbus_class_device(info);
    const std::optional<std::string> device = toml_string(absolute_path(info.path));
    if (!device)
        return "# The path is not UTF-8, which TOML requires: create a symbolic link to the device with another "
               "name.\n";
    const std::string preset = choose_preset(info, layout);
    if (typed_input && preset != "evdev")
        return "# No channel is suggested: typed input must not be published.\n";
    std::string text = fmt::format("[[channel]]\nname = \"{}\"\n", suggest_channel_name(absolute_path(info.path)));
    if (!preset.empty())
        text += fmt::format("preset = \"{}\"\n", preset);
    text += fmt::format("device = {}\n", *device);
    if (const std::string match = suggest_match(info); !match.empty())
        text += as_comment(match, "instead of 'device': finds the device even if its path changes");
    return text +
           (preset.empty() ? data_settings(info, layout) : additional_settings(preset, info, layout, typed_input));
}

}  // namespace drvbus::cli

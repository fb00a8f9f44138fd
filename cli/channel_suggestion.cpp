// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/channel_suggestion.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fnmatch.h>
#include <linux/drvbus.h>

#include "cli/quoting.hpp"
#include "config/config.hpp"

namespace drvbus::cli {

namespace {

namespace fs = std::filesystem;
using Kind = Layout::Kind;

/// Where symbolic links lead to.
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

/// A setting that the user may want.
std::string offer(const std::string& settings, const std::string& why)
{
    std::string text;
    for (std::size_t from = 0; from < settings.size();) {
        const std::size_t end = std::min(settings.find('\n', from), settings.size());
        text +=
            fmt::format("# {}{}\n", settings.substr(from, end - from), from == 0 && !why.empty() ? "   # " + why : "");
        from = end + 1;
    }
    return text;
}

std::string for_input_events()
{
    return "records = \"fixed\"\nformat = \"s64 _sec; s64 _usec; u16 type; u16 code; s32 value\"\n"
           "id = [\"type\", \"code\"]\ntime = { s = \"_sec\", us = \"_usec\" }\nclock = \"realtime\"\n";
}

std::string for_fixed(const Layout& layout)
{
    std::string text =
        fmt::format("records = \"fixed\"\nformat = \"{}\"   # {} bytes: a guess, give them their names\n",
                    layout.fields.format, layout.size);
    for (const std::string& setting : layout.fields.settings)
        text += offer(setting, "it looks so");
    return text;
}

/// How bytes that no preset is for become events.
std::string records_for(const Identity& identity, const Layout& layout)
{
    const std::string path = real_path(identity.path);
    const bool whole =
        identity.sort == Identity::Sort::file && (path.starts_with("/sys/") || path.starts_with("/proc/"));
    const bool text = layout.kind == Kind::text_lines || layout.kind == Kind::text;
    if (whole)
        return text ? "records = \"snapshot\"\nformat = \"char text[]\"\n" : "records = \"snapshot\"\n";
    switch (layout.kind) {
    case Kind::drvbus_records:
        return "records = \"drvbus\"\n";
    case Kind::text_lines:
        return "records = \"lines\"\nformat = \"char text[]\"\n";
    case Kind::text:
        return "records = \"raw\"\nformat = \"char text[]\"\n";
    case Kind::input_events:
        return for_input_events();
    case Kind::fixed:
        return for_fixed(layout);
    default:
        return "records = \"raw\"   # what each read brings is one event; see docs/formats.md for 'format'\n";
    }
}

/// What the settings of the preset do not say, or say in another way.
std::string besides_preset(const std::string& preset, const Identity& identity, const Layout& layout, bool secret)
{
    const bool is_text = layout.kind == Kind::text_lines || layout.kind == Kind::text;
    if (preset == "evdev")
        return secret ? offer("allow_keyboard = true", "everything typed on it goes to all who may listen") : "";
    if (preset == "serial" && (is_text || layout.kind == Kind::no_data))
        return offer("baud = 115200", "the speed of the line, if it is another");
    if (preset == "serial")
        return "records = \"raw\"   # no lines of text came\nformat = \"\"\n" +
               offer("baud = 115200", "the speed of the line, if it is another");
    if (preset == "psi")
        return fmt::format("resource = \"{}\"\n", fs::path(real_path(identity.path)).filename().string());
    if (preset == "gpio")
        return "line = 0   # the offset of the line that is meant\n";
    if (preset == "iio")
        return offer("enable = \"in_voltage0_thresh_rising_en\"", "a file in the device's events/");
    return {};
}

std::string chosen_preset(const Identity& identity, const Layout& layout)
{
    std::string preset = preset_for(identity);
    const bool stream = identity.sort == Identity::Sort::fifo || identity.sort == Identity::Sort::socket;
    if (preset.empty() && stream && layout.kind == Kind::text_lines)
        preset = "fifo";
    if (preset.empty() && identity.sort == Identity::Sort::character && layout.kind == Kind::input_events)
        preset = "evdev";
    return preset;
}

/// A channel of class drvbus is there without any settings.
std::string for_class(const Identity& identity)
{
    return fmt::format(
        "# A channel of a drvbus driver: it needs no configuration. Settings for it, if they are wanted:\n"
        "[[channel]]\nname = \"{}\"\n# format = \"u32 value\"   # instead of the driver's\n",
        channel_name(identity.sysname));
}

}  // namespace

std::string channel_name(const std::string& path)
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

std::string preset_for(const Identity& identity)
{
    constexpr std::pair<const char*, const char*> kKnown[] = {
        {"/dev/input/event*", "evdev"}, {"/dev/rtc[0-9]*", "rtc"},     {"/dev/uio[0-9]*", "uio"},
        {"/dev/ttyS[0-9]*", "serial"},  {"/dev/ttyUSB*", "serial"},    {"/dev/ttyACM*", "serial"},
        {"/dev/ttyAMA*", "serial"},     {"/dev/pts/[0-9]*", "serial"}, {"/dev/gpiochip*", "gpio"},
        {"/dev/iio:device*", "iio"},    {"/proc/pressure/*", "psi"},   {"/dev/kmsg", "kmsg"},
    };
    const std::string path = real_path(identity.path);
    for (const auto& [pattern, preset] : kKnown) {
        if (fnmatch(pattern, path.c_str(), FNM_PATHNAME) == 0)
            return preset;
    }
    return {};
}

std::string suggest_channel(const Identity& identity, const Layout& layout, bool secret)
{
    if (identity.subsystem == "drvbus")
        return for_class(identity);
    const std::optional<std::string> device = toml_string(absolute_path(identity.path));
    if (!device)
        return "# Its path is no UTF-8, and TOML holds nothing else: make a symbolic link to it with another name.\n";
    const std::string preset = chosen_preset(identity, layout);
    if (secret && preset != "evdev")
        return "# None is offered: what is typed does not belong on a bus.\n";
    std::string text = fmt::format("[[channel]]\nname = \"{}\"\n", channel_name(absolute_path(identity.path)));
    if (!preset.empty())
        text += fmt::format("preset = \"{}\"\n", preset);
    text += fmt::format("device = {}\n", *device);
    if (const std::string match = match_for(identity); !match.empty())
        text += offer(match, "instead of 'device': whatever its node is called");
    return text + (preset.empty() ? records_for(identity, layout) : besides_preset(preset, identity, layout, secret));
}

}  // namespace drvbus::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// An input is a row of configuration files, each ended by a NUL, as the file and its drop-ins are read.
#include "config/config.hpp"

#include <string>

#include "input.hpp"

namespace drvbus::fuzz {

namespace {

constexpr const char* kFile = "drvbusd.toml";

bool same(const ChannelConfig& one, const ChannelConfig& other)
{
    return one.notification == other.notification && one.same_device(other) && one.event_names == other.event_names &&
           one.unit == other.unit && one.format.has_value() == other.format.has_value() &&
           (!one.format || one.format->text() == other.format->text());
}

bool same(const Config& one, const Config& other)
{
    return one.log_level == other.log_level &&
           std::equal(one.channels.begin(), one.channels.end(), other.channels.begin(), other.channels.end(),
                      [](const auto& a, const auto& b) { return a.first == b.first && same(a.second, b.second); });
}

/// "FILE:LINE:COLUMN: words": what a user is to find the place by.
void check_error(const std::string& error, std::string_view text)
{
    const std::size_t file = std::strlen(kFile);
    expect(error.starts_with(kFile) && error[file] == ':', "an error names the file");
    char* rest = nullptr;
    const auto line = std::strtoul(error.c_str() + file + 1, &rest, 10);
    expect(line >= 1 && line <= 2U + static_cast<std::size_t>(std::ranges::count(text, '\n')),
           "an error names a line of the file");
    expect(*rest == ':' && std::strtoul(rest + 1, &rest, 10) >= 1 && *rest == ':', "an error names a column");
}

void check_device(const device::Settings& device)
{
    expect(device.match || device.path.starts_with('/') || device.path.starts_with("fd:"),
           "a device is a path, an inherited file, or matched");
    expect((device.framing.kind == device::Framing::Kind::fixed) == (device.framing.size > 0),
           "what has a fixed size has one");
    expect(device.hash != 0, "a device is told from another one");
}

void check_good(const Config& config)
{
    for (const auto& [name, channel] : config.channels) {
        expect(is_channel_name(name), "a channel has the name of one");
        expect(same(config.channel(name), channel), "a channel is found by its name");
        if (channel.device)
            check_device(*channel.device);
    }
}

}  // namespace

void run(Input input)
{
    ConfigBuilder builder("/usr/share/drvbus/none");
    while (!input.done()) {
        const std::string_view text = input.text_until('\0');
        try {
            builder.add(text, kFile);
            const Config config = builder.config();
            check_good(config);
            builder.add(text, kFile);
            expect(same(builder.config(), config), "a file that is read twice changes nothing");
        } catch (const ConfigError& error) {
            check_error(error.what(), text);
            return;
        }
    }
}

}  // namespace drvbus::fuzz

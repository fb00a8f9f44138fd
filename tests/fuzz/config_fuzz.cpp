// SPDX-License-Identifier: LGPL-2.1-or-later
//
// An input is a sequence of configuration files, each terminated by a NUL: the file, then its drop-ins.
#include "config/config.hpp"

#include <string>

#include "input.hpp"

namespace drvbus::fuzz {

namespace {

constexpr const char* kFile = "drvbusd.toml";

bool same_device(const device::ChannelSettings& one, const device::ChannelSettings& other)
{
    return (one.device == nullptr) == (other.device == nullptr) &&
           (!one.device || one.device->hash == other.device->hash);
}

bool same(const device::ChannelSettings& one, const device::ChannelSettings& other)
{
    return one.notification == other.notification && same_device(one, other) && one.event_names == other.event_names &&
           one.unit == other.unit && one.format.has_value() == other.format.has_value() &&
           (!one.format || one.format->text() == other.format->text());
}

bool same(const Config& one, const Config& other)
{
    return one.log_level == other.log_level &&
           std::equal(one.channels.begin(), one.channels.end(), other.channels.begin(), other.channels.end(),
                      [](const auto& a, const auto& b) { return a.first == b.first && same(a.second, b.second); });
}

/// An error begins with "FILE:LINE:COLUMN: ", the place of the mistake.
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
           "a device is a path, an inherited fd, or a match");
    expect(device.framing.is_valid(), "a framing is one that a checkpoint accepts");
    expect(device.hash != 0, "a device has a hash");
}

void check_valid(const Config& config)
{
    for (const auto& [name, channel] : config.channels) {
        expect(is_channel_name(name), "a channel has a valid name");
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
            check_valid(config);
            builder.add(text, kFile);
            expect(same(builder.config(), config), "reading a file again changes nothing");
        } catch (const ConfigError& error) {
            check_error(error.what(), text);
            return;
        }
    }
}

}  // namespace drvbus::fuzz

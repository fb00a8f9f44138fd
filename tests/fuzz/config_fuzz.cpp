// SPDX-License-Identifier: LGPL-2.1-or-later
//
// An input is a row of configuration files, each ended by a NUL, as the file and its drop-ins are read.
#include "config.hpp"

#include <string>

#include "input.hpp"

namespace drvbus::fuzz {

namespace {

constexpr const char* kFile = "drvbusd.toml";

bool same(const ChannelConfig& one, const ChannelConfig& other)
{
    return one.notification == other.notification && one.same_device(other) &&
           one.format.has_value() == other.format.has_value() &&
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

void check_good(const Config& config, std::string_view text)
{
    for (const auto& [name, channel] : config.channels) {
        expect(is_channel_name(name), "a channel has the name of one");
        expect(same(config.channel(name), channel), "a channel is found by its name");
        expect(channel.device.empty() || channel.device.starts_with('/') || channel.device.starts_with("fd:"),
               "a device is a path or an inherited file");
    }
    Config again = config;
    merge_config(again, text, kFile);
    expect(same(again, config), "a file that is read twice changes nothing");
}

}  // namespace

void run(Input input)
{
    Config config;
    while (!input.done()) {
        const std::string_view text = input.text_until('\0');
        try {
            merge_config(config, text, kFile);
        } catch (const ConfigError& error) {
            check_error(error.what(), text);
            return;
        }
        check_good(config, text);
    }
}

}  // namespace drvbus::fuzz

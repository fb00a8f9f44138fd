// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config/config.hpp"

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <linux/drvbus.h>

#include "config/channel_table.hpp"
#include "config/document.hpp"
#include "config/file.hpp"
#include "version.hpp"

namespace drvbus {

namespace {

const config::Names kTopKeys{"log_level", "channel"};
const config::Names kLogLevels{"trace", "debug", "info", "warning", "error"};

/// Moves the nodes of `later` into `earlier`. They are not copied, because a copy has no location in a file.
void merge(toml::table& earlier, toml::table&& later)
{
    for (auto&& [key, node] : later) {
        const toml::key own_key = key;
        node.visit([&](auto& value) {
            earlier.erase(own_key.str());
            earlier.insert_or_assign(own_key, std::move(value));
        });
    }
}

std::vector<std::filesystem::path> drop_ins(const std::filesystem::path& directory)
{
    std::vector<std::filesystem::path> files;
    std::error_code error;
    for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
        if (at->path().extension() == ".toml")
            files.push_back(at->path());
    }
    if (error && error != std::errc::no_such_file_or_directory)
        throw ConfigError(fmt::format("{}: cannot be read: {}", directory.string(), error.message()));
    std::ranges::sort(files);
    return files;
}

std::string name_of(const config::Table& channel)
{
    const std::optional<std::string> name = channel.string("name");
    if (!name)
        config::fail(channel.own(), "a [[channel]] needs a 'name', such as name = \"heartbeat\"");
    if (!is_channel_name(*name))
        channel.fail("name",
                     fmt::format("\"{}\" is not a valid channel name; use 1 to {} of the characters A-Z a-z 0-9 _ -",
                                 *name, DRVBUS_NAME_MAX));
    return *name;
}

}  // namespace

bool is_channel_name(std::string_view name) noexcept
{
    constexpr auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    };
    return !name.empty() && name.size() <= DRVBUS_NAME_MAX && std::ranges::all_of(name, allowed);
}

device::ChannelSettings Config::channel(const std::string& name) const
{
    const auto found = channels.find(name);
    return found == channels.end() ? device::ChannelSettings{} : found->second;
}

struct ConfigBuilder::Parts {
    std::filesystem::path presets;
    std::string log_level = Config{}.log_level;
    std::map<std::string, toml::table, std::less<>> channels;
};

ConfigBuilder::ConfigBuilder(std::filesystem::path presets) : parts_(std::make_unique<Parts>())
{
    parts_->presets = presets.empty() ? kPresets : std::move(presets);
}

ConfigBuilder::~ConfigBuilder() = default;

void ConfigBuilder::add(std::string_view text, const std::string& file)
{
    toml::table root = config::parse(text, file);
    const config::Table top(root);
    top.check_keys(kTopKeys, "the configuration");
    if (const auto level = top.choice("log_level", kLogLevels))
        parts_->log_level = *level;
    toml::node* const channels = root.get("channel");
    if (channels == nullptr)
        return;
    std::set<std::string> seen;
    const auto fail_without_brackets = [](const toml::node& node) {
        config::fail(node, "'channel' has to be written as [[channel]], with two brackets");
    };
    if (!channels->is_array())
        fail_without_brackets(*channels);
    for (toml::node& entry : *channels->as_array()) {
        if (!entry.is_table())
            fail_without_brackets(entry);
        const config::Table channel(*entry.as_table());
        const std::string name = name_of(channel);
        if (!seen.insert(name).second)
            channel.fail("name", fmt::format("[[channel]] \"{}\" is defined twice in this file", name));
        const auto [earlier, inserted] = parts_->channels.try_emplace(name);
        if (inserted)
            earlier->second = std::move(*entry.as_table());
        else
            merge(earlier->second, std::move(*entry.as_table()));
    }
}

Config ConfigBuilder::config() const
{
    Config config;
    config.log_level = parts_->log_level;
    for (const auto& [name, table] : parts_->channels)
        config.channels.emplace(name, config::read_channel(table, parts_->presets));
    return config;
}

Config load_config(const ConfigPath& path)
{
    ConfigBuilder builder(path.presets);
    const auto add = [&builder](const std::filesystem::path& file) {
        builder.add(config::read_file(file), file.string());
    };
    // After an error, the file may exist. Reading it then reports the error.
    std::error_code error;
    if (std::filesystem::exists(path.file, error) || error || path.required)
        add(path.file);
    for (const std::filesystem::path& file : drop_ins(path.file.string() + ".d"))
        add(file);
    return builder.config();
}

}  // namespace drvbus

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/drvbus.h>
#include <toml++/toml.h>

namespace drvbus {

namespace {

using Names = std::vector<std::string_view>;

const Names kTopKeys{"log_level", "channel"};
const Names kChannelKeys{"name", "notification", "format", "device", "records"};
const Names kLogLevels{"trace", "debug", "info", "warning", "error"};
const Names kNotifications{"auto", "eventfd", "poll", "sigio"};
const Names kFramings{"drvbus", "raw"};

std::string one_of(const Names& names)
{
    return fmt::format("\"{}\"", fmt::join(names, "\", \""));
}

/// One document being read: knows how to say where something is.
class Document {
public:
    explicit Document(std::string file) : file_(std::move(file)) {}

    [[noreturn]] void fail(const toml::source_region& where, const std::string& what) const
    {
        throw ConfigError(fmt::format("{}:{}:{}: {}", file_, where.begin.line, where.begin.column, what));
    }

    [[noreturn]] void fail(const toml::node& node, const std::string& what) const { fail(node.source(), what); }

    void known_keys(const toml::table& table, const Names& known, std::string_view of) const
    {
        for (const auto& [key, value] : table) {
            if (std::ranges::find(known, key.str()) == known.end())
                fail(key.source(), fmt::format("'{}' is no key of {}; there are {}", key.str(), of, one_of(known)));
        }
    }

    [[nodiscard]] std::optional<std::string> text(const toml::table& table, std::string_view key) const
    {
        const toml::node* const node = table.get(key);
        if (node == nullptr)
            return std::nullopt;
        const auto* const value = node->as_string();
        if (value == nullptr)
            fail(*node, fmt::format("'{}' has to be a string in quotes, not {}", key, type_name(*node)));
        return value->get();
    }

    [[nodiscard]] std::optional<std::string> choice(const toml::table& table, std::string_view key,
                                                    const Names& choices) const
    {
        std::optional<std::string> value = text(table, key);
        if (value && std::ranges::find(choices, *value) == choices.end())
            fail(*table.get(key), fmt::format("'{}' cannot be \"{}\"; it is one of {}", key, *value, one_of(choices)));
        return value;
    }

private:
    static std::string_view type_name(const toml::node& node)
    {
        switch (node.type()) {
        case toml::node_type::integer:
        case toml::node_type::floating_point:
            return "a number";
        case toml::node_type::boolean:
            return "a boolean";
        case toml::node_type::array:
            return "an array";
        case toml::node_type::table:
            return "a table";
        default:
            return "a date or time";
        }
    }

    std::string file_;
};

void read_format(const Document& document, const toml::table& table, ChannelConfig& channel)
{
    const std::optional<std::string> text = document.text(table, "format");
    if (!text)
        return;
    try {
        channel.format = format::Format::parse(*text);
    } catch (const format::ParseError& error) {
        document.fail(*table.get("format"), fmt::format("the format is wrong at its {}", error.what()));
    }
}

void read_device(const Document& document, const toml::table& table, ChannelConfig& channel)
{
    if (const auto device = document.text(table, "device")) {
        if (!device->starts_with('/') && !(device->starts_with("fd:") && device->size() > 3))
            document.fail(*table.get("device"), fmt::format("'device' cannot be \"{}\"; it is an absolute path, or "
                                                            "\"fd:NAME\" for a file that the service manager opened",
                                                            *device));
        channel.device = *device;
    }
    if (const auto records = document.choice(table, "records", kFramings)) {
        if (channel.device.empty())
            document.fail(*table.get("records"), "'records' goes with 'device': channels of drvbus drivers need none");
        channel.framing = *records == "raw" ? device::Framing::raw : device::Framing::records;
    }
}

void read_channel(const Document& document, const toml::table& table, Config& config, std::set<std::string>& seen)
{
    document.known_keys(table, kChannelKeys, "[[channel]]");
    const std::optional<std::string> name = document.text(table, "name");
    if (!name)
        document.fail(table, "a [[channel]] needs a 'name', such as name = \"heartbeat\"");
    if (!is_channel_name(*name))
        document.fail(*table.get("name"),
                      fmt::format("\"{}\" is no name of a channel; it has 1 to {} of the characters A-Z a-z 0-9 _ -",
                                  *name, DRVBUS_NAME_MAX));
    if (!seen.insert(*name).second)
        document.fail(*table.get("name"), fmt::format("there is a [[channel]] \"{}\" in this file already", *name));

    ChannelConfig& channel = config.channels[*name];
    if (const auto notification = document.choice(table, "notification", kNotifications)) {
        channel.notification.reset();
        for (const auto kind : {notification::Kind::eventfd, notification::Kind::poll, notification::Kind::sigio}) {
            if (*notification == to_string(kind))
                channel.notification = kind;
        }
    }
    read_format(document, table, channel);
    read_device(document, table, channel);
}

void read_document(const Document& document, const toml::table& root, Config& config)
{
    document.known_keys(root, kTopKeys, "the configuration");
    if (const auto level = document.choice(root, "log_level", kLogLevels))
        config.log_level = *level;

    const toml::node* const channels = root.get("channel");
    if (channels == nullptr)
        return;
    const toml::array* const array = channels->as_array();
    if (array == nullptr)
        document.fail(*channels, "'channel' has to be written as [[channel]], with two brackets");
    std::set<std::string> seen;
    for (const toml::node& entry : *array) {
        if (!entry.is_table())
            document.fail(entry, "'channel' has to be written as [[channel]], with two brackets");
        read_channel(document, *entry.as_table(), config, seen);
    }
}

void merge_file(Config& config, const std::filesystem::path& file)
{
    std::ifstream stream(file, std::ios::binary);
    std::string text;
    for (char c{}; stream.get(c);)
        text += c;
    if (!stream.eof()) {  // neither `stream >> buffer` nor `text << buffer` tells a failed read from an empty file
        const int error = errno;
        std::error_code ignored;
        throw ConfigError(
            fmt::format("{}: cannot be read: {}", file.string(),
                        std::filesystem::is_directory(file, ignored) ? "it is a directory" : strerror(error)));
    }
    merge_config(config, text, file.string());
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

}  // namespace

bool is_channel_name(std::string_view name) noexcept
{
    constexpr auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    };
    return !name.empty() && name.size() <= DRVBUS_NAME_MAX && std::ranges::all_of(name, allowed);
}

ChannelConfig Config::channel(const std::string& name) const
{
    const auto found = channels.find(name);
    return found == channels.end() ? ChannelConfig{} : found->second;
}

void merge_config(Config& config, std::string_view text, const std::string& file)
{
    const Document document(file);
    try {
        const toml::table root = toml::parse(text, file);
        read_document(document, root, config);
    } catch (const toml::parse_error& error) {
        document.fail(error.source(), std::string(error.description()));
    }
}

Config load_config(const ConfigPath& path)
{
    Config config;
    // A path that cannot be looked at is no path without a file.
    std::error_code error;
    if (std::filesystem::exists(path.file, error) || error || path.required)
        merge_file(config, path.file);
    for (const std::filesystem::path& file : drop_ins(path.file.string() + ".d"))
        merge_file(config, file);
    return config;
}

}  // namespace drvbus

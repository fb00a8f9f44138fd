// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config/channel_table.hpp"

#include <algorithm>
#include <charconv>
#include <climits>
#include <limits>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <linux/drvbus.h>

#include "config/document.hpp"
#include "config/framing_keys.hpp"
#include "config/preset.hpp"
#include "config/setup_steps.hpp"
#include "device/setup.hpp"

namespace drvbus::config {

namespace {

using device::Settings;

const Names kKeys{"name",      "notification", "format", "names",    "preset", "device",  "match",    "records",
                  "id",        "time",         "clock",  "sequence", "ignore", "pattern", "priority", "setup",
                  "rearm",     "eventfd",      "fetch",  "flood",    "unit",   "event",   "loss",     "resync",
                  "delimiter", "max_length",   "length", "frame",    "shared"};
/// Keys that describe the device and not its events. If one of them changes, the daemon opens the device again.
const Names kDeviceKeys{"device", "match", "records",   "priority",   "setup",  "rearm", "eventfd",
                        "fetch",  "flood", "delimiter", "max_length", "length", "frame", "shared"};
/// Keys that are only valid for a configured device.
const Names kConfiguredDeviceKeys{"records",  "id",     "time",      "clock",      "sequence", "ignore", "pattern",
                                  "priority", "setup",  "rearm",     "eventfd",    "fetch",    "flood",  "event",
                                  "loss",     "resync", "delimiter", "max_length", "length",   "frame",  "shared"};
const Names kNotifications{"auto", "eventfd", "poll", "sigio"};
const Names kClocks{"monotonic", "realtime", "boottime"};

void read_notification(const Table& table, device::ChannelSettings& channel)
{
    const auto notification = table.choice("notification", kNotifications);
    for (const auto kind : {notification::Kind::eventfd, notification::Kind::poll, notification::Kind::sigio}) {
        if (notification == to_string(kind))
            channel.notification = kind;
    }
}

void read_format(const Table& table, device::ChannelSettings& channel)
{
    const std::optional<std::string> text = table.string("format");
    if (!text)
        return;
    try {
        const auto source = table.has("pattern") ? format::Source::pattern : format::Source::driver;
        channel.format = format::Format::parse(*text, source);
    } catch (const format::ParseError& error) {
        table.fail("format", fmt::format("the format has an error in {}", error.what()));
    }
}

std::uint32_t parse_event_id(const Table& table, std::string_view text)
{
    const bool hex = text.starts_with("0x");
    const std::string_view digits = hex ? text.substr(2) : text;
    std::uint32_t id = 0;
    const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id, hex ? 16 : 10);
    if (error != std::errc() || rest != digits.data() + digits.size())
        table.fail("names", fmt::format("the keys of 'names' must be numbers from 0 to {}, not \"{}\"",
                                        std::numeric_limits<std::uint32_t>::max(), text));
    return id;
}

/// @param node where the name is
/// @param key that has the name
void check_event_name(const toml::node& node, std::string_view key, const std::string& name)
{
    if (name.empty())
        fail(node, fmt::format("'{}' cannot have an empty name", key));
    if (name.find('\0') != std::string::npos)
        fail(node, "the name of an event cannot contain a NUL character; remove it");
    if (name == record::kMismatchName)
        fail(node, fmt::format("'{}' cannot have the name \"{}\": it is that of events that do not fit the format", key,
                               name));
}

void read_names(const Table& table, device::ChannelSettings& channel)
{
    const toml::table* const names = table.table("names");
    if (names == nullptr)
        return;
    channel.event_names.emplace();
    for (const auto& [id, name] : *names) {
        if (!name.is_string())
            table.fail("names", fmt::format("'names' has a string for each id, such as {} = \"overheat\"", id.str()));
        check_event_name(name, "names", name.as_string()->get());
        channel.event_names->emplace(parse_event_id(table, id.str()), name.as_string()->get());
    }
}

std::map<std::string, std::string> read_wanted_values(const Table& table, std::string_view key)
{
    std::map<std::string, std::string> values;
    const toml::table* const given = table.table(key);
    if (given == nullptr)
        return values;
    for (const auto& [name, value] : *given) {
        if (!value.is_string())
            table.fail(key, fmt::format("'{}' has a string for each name, such as {} = \"glob:*\"", key, name.str()));
        values.emplace(name.str(), value.as_string()->get());
    }
    return values;
}

device::Match read_match(const toml::table& given)
{
    const Table table(given);
    table.check_keys({"subsystem", "sysname", "attributes", "properties"}, "'match'");
    device::Match match;
    match.subsystem = table.string("subsystem").value_or("");
    if (match.subsystem.empty())
        fail(given, "'match' needs a 'subsystem', such as \"input\"; udevadm info --query=all NODE shows it");
    match.sysname = table.string("sysname").value_or("");
    match.attributes = read_wanted_values(table, "attributes");
    match.properties = read_wanted_values(table, "properties");
    return match;
}

/// Reads the path or the match rule of the configured device. The other settings keep their defaults.
/// @returns none for a device of class drvbus
std::optional<Settings> read_path_or_match(const Table& table)
{
    // Either of the user's keys replaces both keys of the preset.
    const Table own(table.own());
    const Table& from = own.has("device") || own.has("match") ? own : table;
    if (own.has("device") && own.has("match"))
        own.fail("match", "a channel has a 'device' or a 'match', not both");
    Settings settings;
    if (const auto device = from.string("device")) {
        if (!device->starts_with('/') && !(device->starts_with("fd:") && device->size() > 3))
            from.fail("device", fmt::format("'device' cannot be \"{}\"; it is an absolute path, or "
                                            "\"fd:NAME\" for a file that the service manager opened",
                                            *device));
        if (device->size() >= PATH_MAX || device->find('\0') != std::string::npos)
            from.fail("device", fmt::format("'device' must be shorter than {} bytes and cannot contain a NUL character",
                                            PATH_MAX));
        settings.path = *device;
        return settings;
    }
    if (const toml::table* const match = from.table("match")) {
        settings.match = read_match(*match);
        return settings;
    }
    return std::nullopt;
}

/// Finds the integer field called `name` in the channel's format.
/// @param key whose value is `name`, for error messages
format::Field read_field(const Table& table, std::string_view key, const std::string& name,
                         const std::optional<format::Format>& format)
{
    if (!format)
        table.fail(key, fmt::format("'{}' names a field of 'format', so the channel also needs 'format'", key));
    const auto field = std::ranges::find(format->fields(), name, &format::Field::name);
    if (field == format->fields().end())
        table.fail(key, fmt::format("the format has no field \"{}\"", name));
    if (field->shape != format::Shape::single || !format::is_integer(field->type))
        table.fail(key, fmt::format("\"{}\" has to be one integer", name));
    return *field;
}

std::vector<record::TimeField> read_time(const Table& table, const std::optional<format::Format>& format)
{
    std::vector<record::TimeField> time;
    const toml::node* const node = table.get("time");
    if (node == nullptr)
        return time;
    if (node->is_string())
        return {{read_field(table, "time", node->as_string()->get(), format), 1}};
    if (!node->is_table())
        table.fail("time", "'time' is the name of a field with nanoseconds, or a table such as { s = \"seconds\", "
                           "us = \"microseconds\" }");
    const Table parts(*node->as_table());
    parts.check_keys({"s", "ms", "us", "ns"}, "'time'");
    constexpr std::pair<const char*, std::uint64_t> kUnits[] = {
        {"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1'000}, {"ns", 1}};
    for (const auto& [unit, ns] : kUnits) {
        if (const auto name = parts.string(unit))
            time.push_back({read_field(parts, unit, *name, format), ns});
    }
    return time;
}

/// Reads an array of event ids, or of names of events.
std::set<std::uint32_t> read_ids(const Table& table, std::string_view key, const device::ChannelSettings& channel)
{
    std::set<std::uint32_t> ids;
    const toml::array* const array = table.array(key);
    if (array == nullptr)
        return ids;
    for (const toml::node& node : *array) {
        const auto* const number = node.as_integer();
        if (number != nullptr && std::in_range<std::uint32_t>(number->get())) {
            ids.insert(static_cast<std::uint32_t>(number->get()));
            continue;
        }
        const auto* const name = node.as_string();
        const auto named = [&](const auto& entry) { return name != nullptr && entry.second == name->get(); };
        const auto found = channel.event_names ? std::ranges::find_if(*channel.event_names, named)
                                               : decltype(channel.event_names->begin()){};
        if (!channel.event_names || found == channel.event_names->end())
            table.fail(key, fmt::format("'{}' must contain event ids, or names from 'names'", key));
        ids.insert(found->first);
    }
    return ids;
}

record::DecodingRules read_decoding(const Table& table, const device::ChannelSettings& channel)
{
    record::DecodingRules decoding;
    const auto& format = channel.format;
    if (format)
        decoding.format = *format;
    for (const std::string& name : table.strings("id"))
        decoding.id.push_back(read_field(table, "id", name, format));
    decoding.time = read_time(table, format);
    const auto clock = table.choice("clock", kClocks);
    if (clock == "realtime")
        decoding.clock = CLOCK_REALTIME;
    else if (clock == "boottime")
        decoding.clock = CLOCK_BOOTTIME;
    if (const auto name = table.string("sequence"))
        decoding.device_number = read_field(table, "sequence", *name, format);
    decoding.ignored = read_ids(table, "ignore", channel);
    decoding.losses = read_ids(table, "loss", channel);
    decoding.resyncs = read_ids(table, "resync", channel);
    if (table.has("resync") && decoding.losses.empty())
        table.fail("resync", "'resync' ends what begins with an event of 'loss', so the channel also needs 'loss'");
    if (const auto pattern = table.string("pattern")) {
        if (!format)
            table.fail("pattern", "'pattern' fills the fields of 'format', so the channel also needs 'format'");
        try {
            decoding.pattern.emplace(*pattern, *format);
        } catch (const format::PatternError& error) {
            table.fail("pattern", fmt::format("the pattern is wrong: {}", error.what()));
        }
    }
    return decoding;
}

/// Names the events of a device whose events have no ids.
void read_event_name(const Table& table, device::ChannelSettings& channel)
{
    const Settings& settings = *channel.device;
    const std::optional<std::string> name = table.string("event");
    if (!settings.decoding.id.empty() || settings.framing.kind == record::Framing::Kind::records) {
        if (name)
            table.fail("event", "'event' names the events of a device whose events have no ids; use 'names'");
        return;
    }
    if (name)
        check_event_name(*table.get("event"), "event", *name);
    if (name && channel.event_names)
        channel.event_names->erase(0);  // the name that the preset gives
    channel.event = name.value_or(settings.framing.kind == record::Framing::Kind::lines ? "line" : "record");
}

/// Checks that the fields that the setup prepends have a fixed size.
void check_prefix(const Table& table, const format::Format& format, std::size_t prefix_size)
{
    for (const format::Field& field : format.fields()) {
        if (field.offset < prefix_size && field.shape == format::Shape::reference)
            table.fail("format",
                       fmt::format("the setup prepends \"{}\", so it needs a number of elements", field.name));
    }
    if (prefix_size > format.fixed_size())
        table.fail("format", fmt::format("the setup prepends {} bytes, the fields of the format have {}", prefix_size,
                                         format.fixed_size()));
}

/// FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/). Unlike std::hash, its result is the same in every process. 0 is
/// never returned, because it stands for a device of class drvbus.
std::uint64_t hash_of(std::string_view text)
{
    std::uint64_t hash = 14695981039346656037U;
    for (const char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    return hash == 0 ? 1 : hash;
}

std::uint64_t device_hash(const Table& table, const Settings& settings)
{
    std::ostringstream text;
    for (const std::string_view key : kDeviceKeys) {
        if (const toml::node* const node = table.get(key))
            node->visit([&](const auto& value) {
                if constexpr (toml::is_table<decltype(value)> || toml::is_array<decltype(value)>)
                    text << key << '=' << toml::default_formatter{value} << '\n';
                else
                    text << key << '=' << value.get() << '\n';
            });
    }
    text << settings.framing.size;
    return hash_of(text.str());
}

void read_device(const Table& table, device::ChannelSettings& channel)
{
    std::optional<Settings> device = read_path_or_match(table);
    if (!device) {
        for (const std::string_view key : kConfiguredDeviceKeys) {
            if (table.has(key))
                table.fail(
                    key,
                    fmt::format(
                        "'{}' is only valid with 'device' or 'match': a device of class drvbus does not need it", key));
        }
        if (!channel.preset.empty())
            table.fail("preset", fmt::format("preset \"{}\" needs a 'device', or a 'match'", channel.preset));
        return;
    }
    const auto shared = std::make_shared<Settings>(*std::move(device));
    channel.device = shared;
    Settings& settings = *shared;
    settings.setup = read_steps(table, "setup");
    if (const std::size_t size = setup_state_size(settings.setup); size > device::SetupState::kMaxSize)
        table.fail("setup",
                   fmt::format("the steps save {} bytes with 'restore', 'keep' and prepended fields; the limit "
                               "is {}",
                               size, device::SetupState::kMaxSize));
    settings.rearm = read_steps(table, "rearm");
    if (auto step = read_step(table, "eventfd"))
        settings.eventfd_step = std::make_shared<const device::SetupStep>(*std::move(step));
    if (const auto fetch = read_step(table, "fetch")) {
        const auto* const ioctl = std::get_if<device::IoctlStep>(&fetch->operation);
        if (ioctl == nullptr || !ioctl->format)
            table.fail("fetch", "'fetch' is an 'ioctl' with the 'format' of its reply");
        settings.fetch = std::make_shared<const device::IoctlStep>(*ioctl);
    }
    settings.priority_only = table.boolean("priority").value_or(false);
    settings.shared = table.boolean("shared").value_or(false);
    settings.flood_limit = static_cast<std::uint64_t>(
        table.integer("flood", 0, std::numeric_limits<std::int64_t>::max()).value_or(Settings::kDefaultFloodLimit));
    const std::size_t prefix_size = payload_prefix_size(settings.setup);
    settings.framing = read_framing(table, channel, prefix_size);
    settings.decoding = read_decoding(table, channel);
    if (settings.decoding.pattern)
        check_prefix(table, *channel.format, prefix_size);
    read_event_name(table, channel);
    settings.hash = device_hash(table, settings);
}

device::ChannelSettings read_settings(const Table& table, const std::string& preset)
{
    device::ChannelSettings channel;
    channel.preset = preset;
    read_notification(table, channel);
    read_format(table, channel);
    read_names(table, channel);
    read_device(table, channel);
    channel.unit = table.strings("unit");
    return channel;
}

}  // namespace

device::ChannelSettings read_channel(const toml::table& table, const std::filesystem::path& presets)
{
    const Table own(table);
    const auto name = own.string("preset");
    if (!name) {
        own.check_keys(kKeys, "[[channel]]");
        return read_settings(own, {});
    }
    const Preset preset(presets, *name, table);
    const std::vector<std::string> parameters = preset.parameters();
    Names keys = kKeys;
    keys.insert(keys.end(), parameters.begin(), parameters.end());
    own.check_keys(keys, fmt::format("a [[channel]] of preset \"{}\"", *name));
    return read_settings(Table(table, &preset.channel()), *name);
}

}  // namespace drvbus::config

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config/framing_keys.hpp"

#include <string>

#include <fmt/format.h>
#include <linux/drvbus.h>

namespace drvbus::config {

namespace {

using record::Framing;
using record::Marker;

const Names kRecords{"drvbus", "raw", "fixed", "lines", "snapshot"};

/// Fails if the channel has a key that its kind of records does not use.
void refuse_key(const Table& table, std::string_view key, bool is_used, std::string_view records)
{
    if (table.has(key) && !is_used)
        table.fail(key, fmt::format("'{}' is only valid with records = {}", key, records));
}

std::string bytes_of(const Table& table, std::string_view key)
{
    const toml::node& node = *table.get(key);
    if (const auto* const text = node.as_string())
        return text->get();
    const toml::array* const array = node.as_array();
    if (array == nullptr)
        table.fail(key, fmt::format("'{}' has to be a string, such as \"\\r\\n\", or an array of bytes, such as "
                                    "[0x0d, 0x0a], not {}",
                                    key, type_name(node)));
    std::string bytes;
    for (const toml::node& element : *array) {
        const auto* const number = element.as_integer();
        if (number == nullptr || number->get() < 0 || number->get() > 255)
            table.fail(key, fmt::format("'{}' has to contain bytes, which are numbers from 0 to 255", key));
        bytes.push_back(static_cast<char>(number->get()));
    }
    return bytes;
}

/// The bytes that a key gives as a string or as an array of numbers.
Marker read_marker(const Table& table, std::string_view key)
{
    const std::string bytes = bytes_of(table, key);
    if (bytes.empty() || bytes.size() > Marker::kCapacity)
        table.fail(key, fmt::format("'{}' has {} bytes; it needs 1 to {}", key, bytes.size(), Marker::kCapacity));
    return Marker::of(bytes);
}

void read_delimiter(const Table& table, Framing& framing)
{
    const toml::node* const node = table.get("delimiter");
    if (node == nullptr)
        return;
    if (!node->is_table()) {
        framing.end = read_marker(table, "delimiter");
        return;
    }
    const Table pair(*node->as_table());
    pair.check_keys({"start", "end"}, "'delimiter'");
    if (!pair.has("start") || !pair.has("end"))
        table.fail("delimiter", "'delimiter' as a table needs a 'start' and an 'end', such as "
                                "{ start = \"\\u0002\", end = \"\\u0003\" }");
    framing.start = read_marker(pair, "start");
    framing.end = read_marker(pair, "end");
}

/// @returns the size of each record in bytes
std::uint32_t read_length(const Table& table, const device::ChannelSettings& channel, std::size_t prefix_size)
{
    const auto length = table.integer("length", 1, DRVBUS_PAYLOAD_MAX);
    // With a pattern, the format describes the result of the pattern, and not the bytes of the device.
    const bool known = channel.format && channel.format->has_fixed_size() && !table.has("pattern");
    if (!known && !length)
        table.fail("records", "records = \"fixed\" needs a 'format' of a known size, such as \"u32 value\", or the "
                              "'length' of a record in bytes");
    if (!known)
        return static_cast<std::uint32_t>(*length);
    const std::size_t size = channel.format->fixed_size();
    if (size <= prefix_size || size - prefix_size > DRVBUS_PAYLOAD_MAX)
        table.fail("format", fmt::format("the format has {} bytes, of which the setup prepends {}; the device must "
                                         "send the rest, 1 to {} bytes",
                                         size, prefix_size, DRVBUS_PAYLOAD_MAX));
    const auto device_size = static_cast<std::uint32_t>(size - prefix_size);
    if (length && *length != device_size)
        table.fail("length", fmt::format("'length' is {}, but the format has {} bytes: remove 'length', or correct "
                                         "one of them",
                                         *length, device_size));
    return device_size;
}

}  // namespace

Framing read_framing(const Table& table, const device::ChannelSettings& channel, std::size_t prefix_size)
{
    Framing framing;
    const std::string records = table.choice("records", kRecords).value_or(table.has("fetch") ? "raw" : "drvbus");
    for (const auto kind : {Framing::Kind::records, Framing::Kind::raw, Framing::Kind::fixed, Framing::Kind::lines,
                            Framing::Kind::snapshot}) {
        if (records == to_string(kind))
            framing.kind = kind;
    }
    const bool lines = framing.kind == Framing::Kind::lines;
    refuse_key(table, "delimiter", lines, "\"lines\"");
    refuse_key(table, "max_length", lines, "\"lines\"");
    refuse_key(table, "length", framing.kind == Framing::Kind::fixed, "\"fixed\"");
    read_delimiter(table, framing);
    if (const auto max_length = table.integer("max_length", 1, Framing::kMaxLength))
        framing.max_length = static_cast<std::uint32_t>(*max_length);
    if (framing.kind == Framing::Kind::fixed)
        framing.size = read_length(table, channel, prefix_size);
    return framing;
}

}  // namespace drvbus::config

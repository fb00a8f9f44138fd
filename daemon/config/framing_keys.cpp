// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config/framing_keys.hpp"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <linux/drvbus.h>

namespace drvbus::config {

namespace {

using record::ByteOrder;
using record::Framing;
using record::Marker;

const Names kRecords{"drvbus", "raw", "fixed", "lines", "snapshot", "frames"};
const Names kOrders{"little", "big"};
const Names kCounted{"frame", "rest", "payload"};
constexpr std::int64_t kLargestOffset = Framing::kMaxLength - 1;

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

/// The byte order of a field of `size` bytes.
ByteOrder read_order(const Table& table, std::size_t size)
{
    const auto order = table.choice("order", kOrders);
    if (!order && size > 1)
        fail(table.own(), fmt::format("a field of {} bytes needs an 'order': {}", size, quoted_list(kOrders)));
    return order == "big" ? ByteOrder::big : ByteOrder::little;
}

void read_checksum(const Table& frame, Framing& framing)
{
    const toml::node* const node = frame.get("checksum");
    if (node == nullptr)
        return;
    const toml::table* const keys = frame.table("checksum");
    const Table table(*keys);
    table.check_keys({"type", "from", "order"}, "'checksum'");
    const std::vector<std::string_view> all = record::checksum_names();
    const auto name = table.choice("type", {all.begin(), all.end()});
    if (!name)
        fail(*node, "'checksum' needs a 'type', such as \"CRC-16/MODBUS\" or \"sum8\"");
    framing.frame.checksum = *record::checksum_called(*name);
    framing.frame.checksum_from = static_cast<std::uint16_t>(table.integer("from", 0, kLargestOffset).value_or(0));
    framing.frame.checksum_order = read_order(table, size_of(framing.frame.checksum));
}

/// Reads the length field, or the constant size of a frame. The other parts of the frame are known already.
void read_frame_length(const Table& frame, Framing& framing)
{
    record::FrameLayout& layout = framing.frame;
    const toml::node* const node = frame.get("length");
    if (node == nullptr)
        fail(frame.own(), "'frame' needs a 'length': the size of each frame, or a table such as "
                          "{ at = 2, size = 1, counts = \"rest\" }");
    if (node->is_integer()) {
        layout.added = static_cast<std::int32_t>(
            *frame.integer("length", static_cast<std::int64_t>(framing.smallest_frame()), framing.max_length));
        return;
    }
    const Table table(*frame.table("length"));
    table.check_keys({"at", "size", "order", "counts", "add"}, "'length'");
    const auto at = table.integer("at", framing.start.size, kLargestOffset);
    const auto counted = table.choice("counts", kCounted);
    if (!at || !counted)
        fail(*node, fmt::format("'length' needs 'at', the offset of the length field in the frame, and 'counts', which "
                                "says what the field counts: {}",
                                quoted_list(kCounted)));
    layout.length_at = static_cast<std::uint16_t>(*at);
    layout.length_size = static_cast<std::uint8_t>(table.integer("size", 1, 4).value_or(1));
    layout.length_order = read_order(table, layout.length_size);
    std::int64_t not_counted = table.integer("add", -kLargestOffset, kLargestOffset).value_or(0);
    if (counted != "frame")
        not_counted += layout.length_at + layout.length_size;
    if (counted == "payload")
        not_counted += static_cast<std::int64_t>(size_of(layout.checksum)) + framing.end.size;
    layout.added = static_cast<std::int32_t>(not_counted);
}

void read_frame(const Table& table, Framing& framing)
{
    const toml::table* const keys = table.table("frame");
    if (keys == nullptr)
        table.fail("records",
                   "records = \"frames\" needs a 'frame', such as { start = [0x55, 0xaa], length = { at = 2, "
                   "size = 1, counts = \"rest\" } }");
    const Table frame(*keys);
    frame.check_keys({"start", "length", "checksum", "end"}, "'frame'");
    if (!frame.has("start"))
        table.fail("frame", "'frame' needs a 'start', such as [0x55, 0xaa]");
    framing.start = read_marker(frame, "start");
    if (frame.has("end"))
        framing.end = read_marker(frame, "end");
    read_checksum(frame, framing);
    read_frame_length(frame, framing);
    if (framing.smallest_frame() > framing.max_length)
        table.fail("frame", fmt::format("the smallest possible frame has {} bytes, more than 'max_length', which is {}",
                                        framing.smallest_frame(), framing.max_length));
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
                            Framing::Kind::snapshot, Framing::Kind::frames}) {
        if (records == to_string(kind))
            framing.kind = kind;
    }
    const bool lines = framing.kind == Framing::Kind::lines;
    const bool frames = framing.kind == Framing::Kind::frames;
    refuse_key(table, "delimiter", lines, "\"lines\"");
    refuse_key(table, "max_length", lines || frames, "\"lines\" or \"frames\"");
    refuse_key(table, "frame", frames, "\"frames\"");
    refuse_key(table, "length", framing.kind == Framing::Kind::fixed, "\"fixed\"");
    read_delimiter(table, framing);
    if (const auto max_length = table.integer("max_length", 1, Framing::kMaxLength))
        framing.max_length = static_cast<std::uint32_t>(*max_length);
    if (frames)
        read_frame(table, framing);
    if (framing.kind == Framing::Kind::fixed)
        framing.size = read_length(table, channel, prefix_size);
    return framing;
}

}  // namespace drvbus::config

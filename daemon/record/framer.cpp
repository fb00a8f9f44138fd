// SPDX-License-Identifier: LGPL-2.1-or-later
#include "record/framer.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "record/record.hpp"

namespace drvbus::record {

namespace {

using Bytes = std::span<const std::byte>;

const Marker kLf = Marker::of("\n");

Frame event(std::size_t size, Bytes payload)
{
    return {.kind = Frame::Kind::event, .size = size, .payload = payload};
}

/// @param size of the frame; the rest of the record follows it
Frame cut(std::size_t size, Bytes payload)
{
    return {.kind = Frame::Kind::cut, .size = size, .payload = payload, .skipping = true};
}

Frame skipped(std::size_t size, bool skipping)
{
    if (size == 0)
        return {};
    return {.kind = Frame::Kind::skipped, .size = size, .payload = {}, .skipping = skipping};
}

/// The offset of `marker` in `bytes`, from `from` on.
std::optional<std::size_t> position_of(const Marker& marker, Bytes bytes, std::size_t from)
{
    if (from > bytes.size())
        return std::nullopt;
    const Bytes rest = bytes.subspan(from);
    const void* const found = memmem(rest.data(), rest.size(), marker.bytes.data(), marker.size);
    if (found == nullptr)
        return std::nullopt;
    return static_cast<std::size_t>(static_cast<const std::byte*>(found) - bytes.data());
}

bool starts_with(Bytes bytes, Bytes prefix)
{
    return bytes.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

/// @param bytes at most four
std::uint32_t number_of(Bytes bytes, ByteOrder order)
{
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const std::byte byte = order == ByteOrder::big ? bytes[i] : bytes[bytes.size() - 1 - i];
        number = number << 8U | std::to_integer<std::uint32_t>(byte);
    }
    return number;
}

/// The number of bytes at the end of `bytes` that can be the first part of `marker`.
std::size_t partial_marker(const Marker& marker, Bytes bytes)
{
    std::size_t size = std::min<std::size_t>(marker.size - 1U, bytes.size());
    while (!starts_with(marker.view(), bytes.last(size)))
        --size;
    return size;
}

Frame find_record(Bytes bytes)
{
    const Record record = parse_record(bytes);
    if (record.state == Record::State::malformed)
        throw std::runtime_error("the device sends bytes that are not drvbus records; "
                                 "set records = \"raw\" if each read of it is one event");
    if (record.state == Record::State::partial)
        return {};
    return {.kind = Frame::Kind::event,
            .size = record.size,
            .payload = record.event.payload,
            .sequence = record.event.sequence};
}

/// The rest of a line that was cut.
Frame skip_line(const Marker& end, Bytes bytes, bool end_of_input)
{
    if (const auto found = position_of(end, bytes, 0))
        return skipped(*found + end.size, false);
    return skipped(bytes.size() - (end_of_input ? 0 : partial_marker(end, bytes)), true);
}

/// The bytes before the next start.
/// @param from offset of the first byte at which a start is searched
Frame skip_to_start(const Marker& start, Bytes bytes, std::size_t from, bool end_of_input)
{
    const auto found = position_of(start, bytes, from);
    const std::size_t kept = end_of_input ? 0 : partial_marker(start, bytes.subspan(from));
    return skipped(found.value_or(bytes.size() - kept), true);
}

}  // namespace

Frame Framer::find_line(Bytes bytes, bool end_of_input)
{
    const bool or_cr_lf = framing_.end.empty();
    const Marker& end = or_cr_lf ? kLf : framing_.end;
    const std::size_t window = framing_.max_length + end.size + (or_cr_lf ? 1U : 0U);
    const Bytes front = bytes.first(std::min(bytes.size(), window));
    const auto found = position_of(end, front, searched_);
    std::size_t length = found.value_or(front.size());
    if (or_cr_lf && found && length > 0 && front[length - 1] == std::byte{'\r'})
        --length;
    if (length <= framing_.max_length) {
        if (found)
            return event(*found + end.size, front.first(length));
        if (end_of_input)
            return event(front.size(), front);
    } else if (found || end_of_input || front.size() == window) {
        return cut(framing_.max_length, front.first(framing_.max_length));
    }
    searched_ = front.size() - partial_marker(end, front);
    return {};
}

Frame Framer::find_delimited(Bytes bytes, bool end_of_input)
{
    const std::size_t start = framing_.start.size;
    if (!starts_with(bytes, framing_.start.view()))
        return skip_to_start(framing_.start, bytes, 0, end_of_input);
    const std::size_t window = framing_.max_length + framing_.end.size;
    const Bytes front = bytes.subspan(start, std::min(bytes.size() - start, window));
    if (const auto found = position_of(framing_.end, front, searched_))
        return event(start + *found + framing_.end.size, front.first(*found));
    if (front.size() == window || (end_of_input && front.size() > framing_.max_length))
        return cut(start + framing_.max_length, front.first(framing_.max_length));
    if (end_of_input)
        return skipped(bytes.size(), true);
    searched_ = front.size() - partial_marker(framing_.end, front);
    return {};
}

/// Whether the end and the checksum of a frame are right.
bool Framer::is_intact(Bytes frame) const
{
    const FrameLayout& layout = framing_.frame;
    if (!std::ranges::equal(frame.last(framing_.end.size), framing_.end.view()))
        return false;
    const Bytes content = frame.first(frame.size() - framing_.end.size);
    const std::size_t size = size_of(layout.checksum);
    const Bytes covered = content.first(content.size() - size).subspan(layout.checksum_from);
    return compute(layout.checksum, covered) == number_of(content.last(size), layout.checksum_order);
}

Frame Framer::find_frame(Bytes bytes, bool end_of_input) const
{
    const FrameLayout& layout = framing_.frame;
    if (!starts_with(bytes, framing_.start.view()))
        return skip_to_start(framing_.start, bytes, 0, end_of_input);
    // A frame that is wrong may be two: the rest of one, and the next one.
    const auto skip = [&] { return skip_to_start(framing_.start, bytes, 1, end_of_input); };
    const std::size_t length_end = std::size_t{layout.length_at} + layout.length_size;
    if (layout.length_size > 0 && bytes.size() < length_end)
        return end_of_input ? skip() : Frame{};
    const std::int64_t length =
        layout.length_size == 0 ? 0
                                : number_of(bytes.subspan(layout.length_at, layout.length_size), layout.length_order);
    const std::int64_t size = length + layout.added;
    if (size < static_cast<std::int64_t>(framing_.smallest_frame()) || size > framing_.max_length)
        return skip();
    const auto frame_size = static_cast<std::size_t>(size);
    if (bytes.size() < frame_size)
        return end_of_input ? skip() : Frame{};
    if (!is_intact(bytes.first(frame_size)))
        return skip();
    const std::size_t tail = size_of(layout.checksum) + framing_.end.size;
    return event(frame_size, bytes.first(frame_size - tail).subspan(framing_.start.size));
}

Frame Framer::find(Bytes bytes, bool end_of_input, bool skipping)
{
    switch (framing_.kind) {
    case Framing::Kind::records:
        return find_record(bytes);
    case Framing::Kind::lines:
        if (!framing_.start.empty())
            return find_delimited(bytes, end_of_input);
        if (skipping)
            return skip_line(framing_.end.empty() ? kLf : framing_.end, bytes, end_of_input);
        return find_line(bytes, end_of_input);
    case Framing::Kind::frames:
        return find_frame(bytes, end_of_input);
    case Framing::Kind::fixed:
        if (bytes.size() < framing_.size)
            return {};
        return event(framing_.size, bytes.first(framing_.size));
    default:
        break;
    }
    const Bytes all = bytes.first(std::min<std::size_t>(bytes.size(), DRVBUS_PAYLOAD_MAX));
    return event(all.size(), all);
}

Frame Framer::next(Bytes bytes, bool end_of_input, bool skipping)
{
    if (bytes.empty())
        return {};
    const Frame frame = find(bytes, end_of_input, skipping);
    if (frame.kind != Frame::Kind::incomplete)
        searched_ = 0;
    return frame;
}

}  // namespace drvbus::record

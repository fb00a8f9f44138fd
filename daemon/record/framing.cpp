// SPDX-License-Identifier: LGPL-2.1-or-later
#include "record/framing.hpp"

#include <algorithm>
#include <stdexcept>

#include <linux/drvbus.h>

#include "record/record.hpp"

namespace drvbus::record {

namespace {

// In bytes. The other half of the largest payload is for the prefix that a setup may add.
constexpr std::size_t kLongestLine = DRVBUS_PAYLOAD_MAX / 2;

Frame first_record(std::span<const std::byte> bytes)
{
    const Record record = parse_record(bytes);
    if (record.state == Record::State::malformed)
        throw std::runtime_error("the device sends bytes that are not drvbus records; "
                                 "set records = \"raw\" if each read of it is one event");
    if (record.state == Record::State::partial)
        return {};
    return {record.size, record.event.payload, record.event.sequence};
}

Frame first_line(std::span<const std::byte> bytes, bool end_of_input)
{
    const std::span<const std::byte> front = bytes.first(std::min(bytes.size(), kLongestLine));
    const auto newline = std::ranges::find(front, std::byte{'\n'});
    if (newline != front.end()) {
        const auto length = static_cast<std::size_t>(newline - front.begin());
        return {length + 1, front.first(length)};
    }
    if (front.size() == kLongestLine || end_of_input)
        return {front.size(), front};
    return {};
}

}  // namespace

std::string_view to_string(Framing::Kind kind) noexcept
{
    switch (kind) {
    case Framing::Kind::records:
        return "drvbus";
    case Framing::Kind::raw:
        return "raw";
    case Framing::Kind::fixed:
        return "fixed";
    case Framing::Kind::lines:
        return "lines";
    default:
        return "snapshot";
    }
}

Frame first_frame(const Framing& framing, std::span<const std::byte> bytes, bool end_of_input)
{
    if (bytes.empty())
        return {};
    switch (framing.kind) {
    case Framing::Kind::records:
        return first_record(bytes);
    case Framing::Kind::lines:
        return first_line(bytes, end_of_input);
    case Framing::Kind::fixed:
        if (bytes.size() < framing.size)
            return {};
        return {framing.size, bytes.first(framing.size)};
    default:
        break;
    }
    const auto all = bytes.first(std::min<std::size_t>(bytes.size(), DRVBUS_PAYLOAD_MAX));
    return {all.size(), all};
}

}  // namespace drvbus::record

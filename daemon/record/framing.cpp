// SPDX-License-Identifier: LGPL-2.1-or-later
#include "record/framing.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace drvbus::record {

Marker Marker::of(std::string_view text)
{
    Marker marker;
    marker.size = static_cast<std::uint8_t>(text.size());
    std::ranges::copy(std::as_bytes(std::span(text)), marker.bytes.begin());
    return marker;
}

std::string to_string(const Marker& marker)
{
    using namespace std::string_view_literals;
    constexpr std::pair<std::string_view, const char*> kNames[] = {
        {"\n"sv, "LF (\\n)"},   {"\r"sv, "CR (\\r)"},     {"\r\n"sv, "CR LF (\\r\\n)"},
        {"\0"sv, "NUL (0x00)"}, {"\x02"sv, "STX (0x02)"}, {"\x03"sv, "ETX (0x03)"},
    };
    for (const auto& [text, name] : kNames) {
        if (marker == Marker::of(text))
            return name;
    }
    return fmt::format("{:02x}", fmt::join(marker.view(), " "));
}

std::size_t Framing::smallest_frame() const noexcept
{
    const std::size_t header =
        std::max<std::size_t>({start.size, std::size_t{frame.length_at} + frame.length_size, frame.checksum_from});
    return header + size_of(frame.checksum) + end.size;
}

bool Framing::is_valid() const noexcept
{
    const auto is_order = [](ByteOrder order) { return order <= ByteOrder::big; };
    return kind <= Kind::frames && (kind == Kind::fixed) == (size > 0) && size <= DRVBUS_PAYLOAD_MAX &&
           max_length > 0 && max_length <= kMaxLength && start.size <= Marker::kCapacity &&
           end.size <= Marker::kCapacity && (kind == Kind::frames ? !start.empty() : start.empty() || !end.empty()) &&
           frame.length_size <= 4 && is_checksum(frame.checksum) && is_order(frame.length_order) &&
           is_order(frame.checksum_order);
}

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
    case Framing::Kind::frames:
        return "frames";
    default:
        return "snapshot";
    }
}

}  // namespace drvbus::record

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "record/framing_advice.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace drvbus::record {

namespace {

struct Delimiter {
    char byte;
    const char* setting;
};

constexpr std::array<Delimiter, 4> kDelimiters{{
    {'\n', R"(delimiter = "\n")"},
    {'\r', R"(delimiter = "\r")"},
    {'\0', R"(delimiter = "\u0000")"},
    {'\x03', R"(delimiter = { start = "\u0002", end = "\u0003" })"},
}};

std::string name_of(const Delimiter& delimiter)
{
    return to_string(Marker::of({&delimiter.byte, 1}));
}

std::size_t count_of(const Marker& marker, std::span<const std::byte> bytes)
{
    std::size_t count = 0;
    for (auto at = bytes.begin();; ++count) {
        at = std::search(at, bytes.end(), marker.view().begin(), marker.view().end());
        if (at == bytes.end())
            return count;
        at += marker.size;
    }
}

std::string explain_frames(const Framing& framing, std::span<const std::byte> bytes)
{
    const std::size_t starts = count_of(framing.start, bytes);
    return fmt::format("a frame begins with {}, which the bytes contain {} times; {}", to_string(framing.start), starts,
                       starts == 0 ? "check the 'start' of 'frame'"
                                   : "what follows is no complete frame: check 'length', 'checksum' and 'end' of "
                                     "'frame'");
}

}  // namespace

std::string explain_missing_end(const Framing& framing, std::span<const std::byte> bytes)
{
    if (framing.kind == Framing::Kind::frames)
        return explain_frames(framing, bytes);
    const Marker end = framing.end.empty() ? Marker::of("\n") : framing.end;
    std::vector<std::string> found;
    std::vector<std::string> known;
    const char* setting = nullptr;
    for (const Delimiter& delimiter : kDelimiters) {
        known.push_back(name_of(delimiter));
        const std::size_t count = count_of(Marker::of({&delimiter.byte, 1}), bytes);
        if (count == 0)
            continue;
        found.push_back(fmt::format("{} ({} times)", known.back(), count));
        if (setting == nullptr && (!framing.start.empty() || end != Marker::of({&delimiter.byte, 1})))
            setting = delimiter.setting;
    }
    const std::string start = framing.start.empty() ? "" : fmt::format("begins with {} and ", to_string(framing.start));
    if (found.empty())
        return fmt::format(
            "a record {}ends with {}; the bytes contain none of {}; set 'delimiter' to what ends a record, "
            "or records = \"raw\" if each read is one event",
            start, to_string(end), fmt::join(known, ", "));
    return fmt::format("a record {}ends with {}; the bytes contain {}{}", start, to_string(end), fmt::join(found, ", "),
                       setting == nullptr ? "" : fmt::format("; set {}", setting));
}

}  // namespace drvbus::record

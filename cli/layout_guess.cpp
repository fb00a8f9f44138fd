// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/layout_guess.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <linux/drvbus.h>
#include <linux/input.h>

#include "record/record.hpp"

namespace drvbus::cli {

namespace {

using Kind = Layout::Kind;

constexpr std::size_t kSmallestRecord = 4;
constexpr std::size_t kLargestRecord = 4096;

/// Whether there is no NUL byte and at most one control character in 20.
/// @param delimiters characters that do not count
bool is_text(std::span<const std::byte> bytes, std::string_view delimiters = {})
{
    std::size_t controls = 0;
    for (const std::byte byte : bytes) {
        const auto c = std::to_integer<unsigned char>(byte);
        if (delimiters.find(static_cast<char>(c)) != std::string_view::npos)
            continue;
        if (c == 0)
            return false;
        controls += c == 0x7f || (c < 0x20 && c != '\n' && c != '\r' && c != '\t') ? 1 : 0;
    }
    return controls * 20 <= bytes.size();
}

/// The number of complete drvbus records; 0 if there is anything but such records.
std::size_t count_drvbus_records(std::span<const std::byte> bytes)
{
    std::size_t count = 0;
    for (std::uint64_t last = 0; !bytes.empty(); ++count) {
        const record::Record record = record::parse_record(bytes);
        if (record.state == record::Record::State::partial)
            return count;
        if (record.state == record::Record::State::malformed || record.event.sequence <= last)
            return 0;
        last = record.event.sequence;
        bytes = bytes.subspan(record.size);
    }
    return count;
}

bool is_input_event(std::span<const std::byte> bytes)
{
    input_event event{};
    std::memcpy(&event, bytes.data(), sizeof(event));
    return event.input_event_sec != 0 && static_cast<std::uint64_t>(event.input_event_usec) < 1'000'000 &&
           event.type < EV_CNT && event.code < KEY_CNT;
}

/// @param bytes not empty, a multiple of the size of struct input_event
bool are_input_events(std::span<const std::byte> bytes)
{
    for (; bytes.size() >= sizeof(input_event); bytes = bytes.subspan(sizeof(input_event))) {
        if (!is_input_event(bytes))
            return false;
    }
    return true;
}

/// The largest number of bytes that divides the size of each read.
std::size_t common_size(const Recording& recording)
{
    std::size_t size = 0;
    for (const Recording::Read& read : recording.reads)
        size = std::gcd(size, read.bytes.size());
    return size;
}

/// The smallest size of a record that contains a counter; 0 if there is none. A read may deliver several records.
std::size_t size_with_counter(std::span<const std::byte> bytes, std::size_t common)
{
    for (std::size_t size = kSmallestRecord; size <= std::min(common, kLargestRecord); ++size) {
        if (common % size == 0 && FixedRecords(bytes, size).have_counter())
            return size;
    }
    return 0;
}

/// @param size divides the size of each read
Layout fixed_records(const Recording& recording, std::span<const std::byte> bytes, std::size_t size,
                     std::string description)
{
    std::vector<Clocks> read_times;
    for (const Recording::Read& read : recording.reads)
        read_times.insert(read_times.end(), read.bytes.size() / size, read.time);
    return {.kind = Kind::fixed,
            .size = size,
            .fields = guess_fields(FixedRecords(bytes, size), read_times),
            .description = std::move(description)};
}

/// A layout without a size and fields.
Layout layout_of(Kind kind, std::string description)
{
    return {.kind = kind, .size = 0, .fields = {}, .description = std::move(description)};
}

/// A delimiter of text other than LF.
struct TextDelimiter {
    std::string_view characters;  // the last one ends a record
    const char* setting;
    const char* name;
};

constexpr std::array<TextDelimiter, 3> kTextDelimiters{{
    {{"\x02\x03", 2}, R"({ start = "\u0002", end = "\u0003" })", "begin with STX and end with ETX"},
    {{"\r", 1}, R"("\r")", "end with CR, without LF"},
    {{"\0", 1}, R"("\u0000")", "end with NUL"},
}};

/// The layout of text; none if the bytes are no text.
std::optional<Layout> text_layout(std::span<const std::byte> bytes)
{
    const auto contains = [bytes](char c) {
        return std::ranges::find(bytes, static_cast<std::byte>(c)) != bytes.end();
    };
    if (is_text(bytes) && contains('\n'))
        return layout_of(Kind::text_lines, "lines of text");
    for (const TextDelimiter& delimiter : kTextDelimiters) {
        const bool has_other_end = delimiter.characters.size() == 1 && contains('\n');
        if (has_other_end || !std::ranges::all_of(delimiter.characters, contains) ||
            !is_text(bytes, delimiter.characters))
            continue;
        // Text has more characters than delimiters.
        const auto ends =
            static_cast<std::size_t>(std::ranges::count(bytes, static_cast<std::byte>(delimiter.characters.back())));
        if (ends * 2 * delimiter.characters.size() > bytes.size())
            continue;
        Layout layout = layout_of(Kind::text_lines, fmt::format("records of text that {}", delimiter.name));
        layout.delimiter = delimiter.setting;
        return layout;
    }
    if (is_text(bytes))
        return layout_of(Kind::text, "text in which neither LF, CR, NUL nor ETX ends a record");
    return std::nullopt;
}

Layout guess_binary(const Recording& recording, std::span<const std::byte> bytes)
{
    const std::size_t common = common_size(recording);
    if (common % sizeof(input_event) == 0 && are_input_events(bytes))
        return layout_of(Kind::input_events, "struct input_event");
    if (const std::size_t size = size_with_counter(bytes, common); size != 0)
        return fixed_records(recording, bytes, size, fmt::format("records of {} bytes that contain a counter", size));
    if (recording.reads.size() > 1 && common >= kSmallestRecord && common <= kLargestRecord)
        return fixed_records(recording, bytes, common,
                             fmt::format("records of {} bytes: the size of each read is a multiple of it", common));
    return layout_of(Kind::unknown, "binary data without recognizable records");
}

}  // namespace

Layout guess_layout(const Recording& recording)
{
    const std::vector<std::byte> bytes = recording.joined();
    if (bytes.empty())
        return layout_of(Kind::no_data, "unknown, because no data was received");
    if (const std::optional<Layout> text = text_layout(bytes))
        return *text;
    if (const std::size_t count = count_drvbus_records(bytes); count > 0)
        return layout_of(Kind::drvbus_records, fmt::format("{} x struct drvbus_record", count));
    return guess_binary(recording, bytes);
}

}  // namespace drvbus::cli

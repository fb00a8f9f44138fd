// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/layout_guess.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <linux/drvbus.h>
#include <linux/input.h>

#include "record/record.hpp"

namespace drvbus::cli {

namespace {

using Sort = Layout::Sort;

constexpr std::size_t kSmallestRecord = 4;
constexpr std::size_t kLargestRecord = 4096;

bool is_text(std::span<const std::byte> bytes)
{
    std::size_t others = 0;
    for (const std::byte byte : bytes) {
        const auto c = std::to_integer<unsigned char>(byte);
        if (c == 0)
            return false;
        others += c == 0x7f || (c < 0x20 && c != '\n' && c != '\r' && c != '\t') ? 1 : 0;
    }
    return others * 20 <= bytes.size();
}

/// How many whole records there are; 0 where there is anything else.
std::size_t drvbus_records(std::span<const std::byte> bytes)
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

std::size_t common_size(const Recording& recording)
{
    std::size_t size = 0;
    for (const std::vector<std::byte>& read : recording.reads)
        size = std::gcd(size, read.size());
    return size;
}

/// The smallest record that has a number in it which counts: a read may bring several at once.
std::size_t counting_size(std::span<const std::byte> bytes, std::size_t common)
{
    for (std::size_t size = kSmallestRecord; size <= std::min(common, kLargestRecord); ++size) {
        if (common % size == 0 && Records(bytes, size).has_counter())
            return size;
    }
    return 0;
}

Layout fixed(std::span<const std::byte> bytes, std::size_t size, const Clocks& now, std::string reason)
{
    return {.sort = Sort::fixed,
            .size = size,
            .fields = guess_fields(Records(bytes, size), now),
            .reason = std::move(reason)};
}

Layout binary(const Recording& recording, std::span<const std::byte> bytes, const Clocks& now)
{
    const std::size_t common = common_size(recording);
    if (common % sizeof(input_event) == 0 && are_input_events(Records(bytes, sizeof(input_event))))
        return {.sort = Sort::input_events, .size = sizeof(input_event), .fields = {}, .reason = "struct input_event"};
    if (const std::size_t size = counting_size(bytes, common); size != 0)
        return fixed(bytes, size, now, fmt::format("records of {} bytes, with a number that counts them", size));
    if (recording.reads.size() > 1 && common >= kSmallestRecord && common <= kLargestRecord)
        return fixed(bytes, common, now,
                     fmt::format("records of {} bytes, for each read brings so many or a multiple", common));
    return {.sort = Sort::unknown, .size = 0, .fields = {}, .reason = "bytes in which no records were seen"};
}

}  // namespace

Layout guess_layout(const Recording& recording, const Clocks& now)
{
    const std::vector<std::byte> bytes = recording.joined();
    if (bytes.empty())
        return {.sort = Sort::nothing, .size = 0, .fields = {}, .reason = "unknown, for nothing came"};
    if (is_text(bytes)) {
        const bool lines = std::ranges::find(bytes, std::byte{'\n'}) != bytes.end();
        return {.sort = lines ? Sort::text_lines : Sort::text,
                .size = 0,
                .fields = {},
                .reason = lines ? "lines of text" : "text without a newline"};
    }
    if (const std::size_t count = drvbus_records(bytes); count > 0)
        return {
            .sort = Sort::records, .size = 0, .fields = {}, .reason = fmt::format("{} x struct drvbus_record", count)};
    return binary(recording, bytes, now);
}

}  // namespace drvbus::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/layout_guess.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <linux/input.h>

#include "nanoseconds.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

using cli::Clocks;
using cli::guess_layout;
using cli::Layout;
using cli::Recording;

constexpr Clocks kStart{.monotonic = 5000 * kSecond, .realtime = 1'764'000'000 * kSecond};

/// A recording of reads that are a second apart.
Recording recording(const std::vector<std::string>& reads)
{
    Recording recording;
    for (const std::string& read : reads) {
        const std::uint64_t since = recording.count++ * kSecond;
        const auto bytes = as_bytes(read);
        recording.reads.push_back({{kStart.monotonic + since, kStart.realtime + since}, {bytes.begin(), bytes.end()}});
        recording.bytes += read.size();
    }
    return recording;
}

Layout layout_of(const std::vector<std::string>& reads)
{
    return guess_layout(recording(reads));
}

TEST(LayoutGuess, WithoutDataThereIsNoLayout)
{
    EXPECT_EQ(layout_of({}).kind, Layout::Kind::no_data);
    EXPECT_EQ(layout_of({}).description, "unknown, because no data was received");
}

TEST(LayoutGuess, TextHasLinesOrNone)
{
    EXPECT_EQ(layout_of({"one\n", "two\tthree\r\n"}).kind, Layout::Kind::text_lines);
    EXPECT_EQ(layout_of({"one", "two"}).kind, Layout::Kind::text);
    EXPECT_EQ(layout_of({"fünf\n"}).kind, Layout::Kind::text_lines) << "UTF-8";
}

TEST(LayoutGuess, TextMayEndWithoutANewline)
{
    EXPECT_EQ(layout_of({"one\r\n"}).delimiter, "");
    EXPECT_EQ(layout_of({"@RESET\r", "$GPGGA,1\r"}).delimiter, "\"\\r\"");
    EXPECT_EQ(layout_of({std::string("one\0two\0", 8)}).delimiter, "\"\\u0000\"");
    EXPECT_EQ(layout_of({"\x02one\x03\r\n\x02two\x03\r\n"}).delimiter, "{ start = \"\\u0002\", end = \"\\u0003\" }");
    EXPECT_EQ(layout_of({"one", "two"}).description, "text in which neither LF, CR, NUL nor ETX ends a record");
    EXPECT_EQ(layout_of({std::string("a\0\0\0b\0\0\0", 8)}).kind, Layout::Kind::unknown);
}

TEST(LayoutGuess, TextHasNoNulAndFewControlCharacters)
{
    EXPECT_NE(layout_of({std::string("one\n\0", 5)}).kind, Layout::Kind::text_lines);
    EXPECT_EQ(layout_of({std::string(19, 'a') + "\x1b"}).kind, Layout::Kind::text);
    EXPECT_NE(layout_of({std::string(18, 'a') + "\x1b"}).kind, Layout::Kind::text);
}

TEST(LayoutGuess, DrvbusRecordsAreCounted)
{
    const Layout layout = layout_of({record({.sequence = 1}, "payload") + record({.sequence = 3}),
                                     record({.sequence = 4}, "x") + record({.sequence = 5}).substr(0, 10)});
    EXPECT_EQ(layout.kind, Layout::Kind::drvbus_records);
    EXPECT_EQ(layout.description, "3 x struct drvbus_record");
    EXPECT_NE(layout_of({record({.sequence = 2}) + record({.sequence = 2})}).kind, Layout::Kind::drvbus_records);
}

std::string input_record(std::int64_t seconds, std::int64_t microseconds, std::uint16_t type, std::uint16_t code)
{
    return packed(seconds, microseconds, type, code, std::int32_t{1});
}

TEST(LayoutGuess, InputEventsHavePlausibleTimesTypesAndCodes)
{
    EXPECT_EQ(layout_of({input_record(7, 999'999, EV_CNT - 1, KEY_CNT - 1)}).kind, Layout::Kind::input_events);
    EXPECT_NE(layout_of({input_record(0, 5, EV_KEY, KEY_A)}).kind, Layout::Kind::input_events);
    EXPECT_NE(layout_of({input_record(7, 1'000'000, EV_KEY, KEY_A)}).kind, Layout::Kind::input_events);
    EXPECT_NE(layout_of({input_record(7, -1, EV_KEY, KEY_A)}).kind, Layout::Kind::input_events);
    EXPECT_NE(layout_of({input_record(7, 5, EV_CNT, KEY_A)}).kind, Layout::Kind::input_events);
    EXPECT_NE(layout_of({input_record(7, 5, EV_KEY, KEY_CNT)}).kind, Layout::Kind::input_events);
}

TEST(LayoutGuess, CounterGivesTheSizeOfRecords)
{
    std::string bytes;
    for (std::uint32_t count = 0; count < 6; ++count)
        bytes += packed(count * count, count, std::uint32_t{9});
    const Layout layout = layout_of({bytes.substr(0, 24), bytes.substr(24)});
    EXPECT_EQ(layout.kind, Layout::Kind::fixed);
    EXPECT_EQ(layout.size, 12U);
    EXPECT_EQ(layout.description, "records of 12 bytes that contain a counter");
    EXPECT_EQ(layout.fields.format, "u32 field_0; u32 counter; u32 field_8");
}

TEST(LayoutGuess, ReadsOfOneSizeGiveTheSizeOfRecords)
{
    const std::string six("\0\1\2\3\4\5", 6);
    const Layout layout = layout_of({six, six + six});
    EXPECT_EQ(layout.kind, Layout::Kind::fixed);
    EXPECT_EQ(layout.size, 6U);
    EXPECT_EQ(layout.description, "records of 6 bytes: the size of each read is a multiple of it");
    EXPECT_EQ(layout_of({six}).kind, Layout::Kind::unknown) << "one read proves nothing";
    EXPECT_EQ(layout_of({six, six + '\6'}).kind, Layout::Kind::unknown);
}

TEST(LayoutGuess, RecordsHaveTheTimeOfTheirRead)
{
    const auto stamped = [](std::uint64_t read, std::uint64_t event) {
        return packed(kStart.monotonic + 60 * read * kSecond - 5'000'000 + event * 1'000'000, event * 3);
    };
    Recording slow = recording({stamped(0, 0) + stamped(0, 1), stamped(1, 0), stamped(2, 0) + stamped(2, 1)});
    for (std::size_t read = 0; read < slow.reads.size(); ++read)
        slow.reads[read].time.monotonic = kStart.monotonic + 60 * read * kSecond;
    const Layout layout = guess_layout(slow);
    EXPECT_EQ(layout.size, 16U);
    EXPECT_EQ(layout.fields.format, "u64 time_ns; u32 field_8; u32 field_12");
}

}  // namespace
}  // namespace drvbus::test

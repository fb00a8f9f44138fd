// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/field_guess.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nanoseconds.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

using cli::Clocks;
using cli::FieldGuess;
using cli::FixedRecords;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kDate = 1'764'000'000 * kSecond;
constexpr Clocks kNow{.monotonic = 5000 * kSecond, .realtime = kDate};
constexpr std::uint32_t kGuessedRecords = 10;

/// Guesses the fields of records that were all read at one time.
/// @param record makes record number 0, 1, ...
template <typename Make>
FieldGuess guess(Make record, const Clocks& now = kNow)
{
    std::string bytes;
    for (std::uint32_t number = 0; number < kGuessedRecords; ++number)
        bytes += record(number);
    const FixedRecords records(as_bytes(bytes), bytes.size() / kGuessedRecords);
    return guess_fields(records, std::vector<Clocks>(kGuessedRecords, now));
}

TEST(FieldGuess, CounterFieldAndTimeStampAreFoundAtAnyUptime)
{
    constexpr std::uint64_t kYear = std::uint64_t{365} * 86400;
    for (const std::uint64_t uptime : {std::uint64_t{2}, std::uint64_t{60}, std::uint64_t{4505}, std::uint64_t{5000},
                                       std::uint64_t{5395}, std::uint64_t{5400}, kYear, 10 * kYear}) {
        const Clocks now{.monotonic = uptime * kSecond, .realtime = kDate};
        const FieldGuess found = guess(
            [&](std::uint32_t number) {
                const std::uint32_t count = 7 + number;
                return packed(count, 1000 + count * count, now.monotonic - 20'000 + std::uint64_t{1000} * number,
                              0xdead0000U + count * 3);
            },
            now);
        EXPECT_EQ(found.format, "u32 counter; u32 field_4; u64 time_ns; u32 field_16") << uptime;
        EXPECT_THAT(found.settings, ElementsAre("sequence = \"counter\"", "time = \"time_ns\"")) << uptime;
    }
}

TEST(FieldGuess, TimeStampIsOfTheClockThatItIsNear)
{
    const FieldGuess found =
        guess([](std::uint32_t number) { return packed(kNow.realtime - kSecond + number * std::uint64_t{1'000'000}); });
    EXPECT_EQ(found.format, "u64 time_ns");
    EXPECT_THAT(found.settings, ElementsAre("time = \"time_ns\"\nclock = \"realtime\""));
}

TEST(FieldGuess, EachRecordHasItsOwnReadTime)
{
    std::string bytes;
    std::vector<Clocks> read_times;
    for (std::uint64_t minute = 0; minute < 3; ++minute) {
        const Clocks time{kNow.monotonic + 60 * minute * kSecond, kNow.realtime + 60 * minute * kSecond};
        bytes += packed(time.monotonic - 30'000 - minute * 777);
        read_times.push_back(time);
    }
    EXPECT_EQ(guess_fields(FixedRecords(as_bytes(bytes), 8), read_times).format, "u64 time_ns");
    const std::vector<Clocks> at_the_end(3, read_times.back());
    EXPECT_EQ(guess_fields(FixedRecords(as_bytes(bytes), 8), at_the_end).format, "u32 field_0; u32 field_4");
}

TEST(FieldGuess, SecondsAreFoundInFourAndInEightBytes)
{
    const auto seconds = static_cast<std::uint32_t>(kDate / kSecond);
    const FieldGuess narrow = guess([&](std::uint32_t number) { return packed(seconds, number * number); });
    EXPECT_EQ(narrow.format, "u32 time_s; u32 field_4");
    EXPECT_THAT(narrow.settings, ElementsAre("time = { s = \"time_s\" }\nclock = \"realtime\""));
    EXPECT_EQ(guess([&](std::uint32_t number) { return packed(std::uint64_t{seconds}, number * number); }).format,
              "u64 time_s; u32 field_8");
}

TEST(FieldGuess, FurtherCountersAndTimesAreNamedByTheirOffset)
{
    const FieldGuess found = guess([](std::uint32_t number) {
        const std::uint64_t time = kNow.monotonic - kSecond + number * std::uint64_t{1'000'000};
        return packed(time, time + 400'000, number, number * number * 77, std::uint64_t{number});
    });
    EXPECT_EQ(found.format, "u64 time_ns; u64 time_ns_8; u32 counter; u32 field_20; u64 counter_24");
    EXPECT_THAT(found.settings, ElementsAre("time = \"time_ns\"", "sequence = \"counter\""));
}

TEST(FieldGuess, CounterMayWrap)
{
    EXPECT_EQ(guess([](std::uint32_t number) { return packed(0xfffffffcU + number); }).format, "u32 counter");
}

TEST(FieldGuess, UnknownNumbersAreNamedByTheirOffset)
{
    const FieldGuess found = guess([](std::uint32_t number) {
        return packed(number * 3, static_cast<std::uint16_t>(number * number), static_cast<std::uint8_t>(number));
    });
    EXPECT_EQ(found.format, "u32 field_0; u16 field_4; u8 field_6");
    EXPECT_THAT(found.settings, IsEmpty());
}

TEST(FieldGuess, UnknownBytesOfALargeRecordAreArrays)
{
    const FieldGuess found =
        guess([](std::uint32_t number) { return packed(std::string(36, 'x'), number, std::string(60, 'y')); });
    EXPECT_EQ(found.format, "u8 bytes_0[36]; u32 counter; u8 bytes_40[60]");
}

TEST(FixedRecords, ThreeRecordsAreNoEvidenceForACounter)
{
    const std::string bytes = packed(1U, 2U, 3U, 4U);
    EXPECT_TRUE(FixedRecords(as_bytes(bytes), 4).have_counter());
    EXPECT_FALSE(FixedRecords(as_bytes(bytes).first(12), 4).have_counter());
}

TEST(FixedRecords, IncompleteRecordAtTheEndIsIgnored)
{
    const std::string bytes = packed(1U, 2U, std::uint16_t{3});
    EXPECT_THAT(FixedRecords(as_bytes(bytes), 4).numbers(0, 4), ElementsAre(1U, 2U));
}

}  // namespace
}  // namespace drvbus::test

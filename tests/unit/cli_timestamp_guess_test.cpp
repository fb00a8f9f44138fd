// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/timestamp_guess.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "nanoseconds.hpp"

namespace drvbus::test {
namespace {

using cli::are_timestamps_ns;
using cli::are_timestamps_s;

using Numbers = std::vector<std::uint64_t>;

constexpr std::uint64_t kHour = 3600 * kSecond;
constexpr std::uint64_t kDay = 24 * kHour;
constexpr std::uint64_t kYear = 365 * kDay;
constexpr std::size_t kNumbers = 10;

constexpr std::uint64_t pair(std::uint64_t lower, std::uint64_t upper)
{
    return upper << 32 | lower;
}

/// `kNumbers` numbers, made from 0, 1, ...
template <typename Make>
Numbers numbers(Make make)
{
    Numbers result;
    for (std::uint64_t at = 0; at < kNumbers; ++at)
        result.push_back(make(at));
    return result;
}

Numbers all(std::uint64_t number)
{
    return Numbers(kNumbers, number);
}

/// The parameter is when the first record is read. It stands for both clocks.
class TimestampGuess : public testing::TestWithParam<std::uint64_t> {
protected:
    static std::uint64_t now() { return GetParam(); }
    /// The upper half of a time stamp of now.
    static std::uint64_t upper() { return now() >> 32; }
    static bool in_one_read(const Numbers& values) { return are_timestamps_ns(values, all(now())); }
    static bool in_reads_every(std::uint64_t interval, const Numbers& values)
    {
        return are_timestamps_ns(values, numbers([&](std::uint64_t at) { return now() + at * interval; }));
    }
};

TEST_P(TimestampGuess, StampsOfEventsReadTogetherAreRecognized)
{
    EXPECT_TRUE(in_one_read(numbers([](std::uint64_t at) { return now() - kSecond + at * kMillisecond; })));
    EXPECT_TRUE(in_one_read(numbers([](std::uint64_t at) { return now() - 2000 + at * 150; }))) << "a burst";
}

TEST_P(TimestampGuess, StampsOfEventsReadAsTheyOccurAreRecognized)
{
    for (const std::uint64_t interval : {kMillisecond, kSecond, 4 * kSecond, 5 * kSecond, 60 * kSecond, kHour}) {
        const auto stamp = [&](std::uint64_t at) { return now() + at * interval - 50'000 - at * 1013; };
        EXPECT_TRUE(in_reads_every(interval, numbers(stamp))) << interval;
    }
}

TEST_P(TimestampGuess, EventsMayShareAStamp)
{
    EXPECT_TRUE(in_one_read(numbers([](std::uint64_t at) { return now() - kSecond + at / 4 * kMillisecond; })));
    EXPECT_FALSE(in_one_read(all(now() - kSecond))) << "but a constant is no time";
}

TEST_P(TimestampGuess, OneNumberIsNotEnough)
{
    EXPECT_FALSE(are_timestamps_ns(Numbers{now() - 1000}, Numbers{now()}));
    EXPECT_FALSE(are_timestamps_ns({}, {}));
}

TEST_P(TimestampGuess, CounterBelowAFieldIsNoStamp)
{
    const auto below = [](auto field) {
        return numbers([&](std::uint64_t at) { return pair(7 + at, upper() - 1 + field(at)); });
    };
    for (const std::uint64_t interval : {std::uint64_t{0}, kSecond, std::uint64_t{1} << 32}) {
        EXPECT_FALSE(in_reads_every(interval, below([](std::uint64_t) { return 0U; }))) << interval;
        EXPECT_FALSE(in_reads_every(interval, below([](std::uint64_t at) { return at; }))) << interval;
        EXPECT_FALSE(in_reads_every(interval, below([](std::uint64_t at) { return at / 5; }))) << interval;
        EXPECT_FALSE(in_reads_every(interval, below([](std::uint64_t at) { return at * at; }))) << interval;
    }
}

TEST_P(TimestampGuess, SmallNumberBelowAFieldIsNoStamp)
{
    // Such as flags, an index that skips, a port.
    EXPECT_FALSE(in_one_read(numbers([](std::uint64_t at) { return pair(3, upper() - 1 + at / 9); })));
    EXPECT_FALSE(in_one_read(numbers([](std::uint64_t at) { return pair(at * at, upper() - 1 + at / 9); })));
}

TEST_P(TimestampGuess, FieldBelowACounterIsNoStamp)
{
    const Numbers values =
        numbers([](std::uint64_t at) { return pair(at * 1'234'567'890U & 0xffffffffU, upper() - kNumbers + at); });
    EXPECT_FALSE(in_one_read(values));
    EXPECT_FALSE(in_reads_every(kMillisecond, values));
    EXPECT_FALSE(in_reads_every(kSecond, values));
}

TEST_P(TimestampGuess, ReadTimesDecideWhetherTheUpperHalfIsACounter)
{
    const std::uint64_t lower = now() & 0xffffffffU;
    const Numbers values{pair(lower / 3, upper() - 1), pair(lower / 2, upper())};
    EXPECT_FALSE(are_timestamps_ns(values, Numbers{now(), now()}));
    const bool possible = upper() > 0;  // else the first number is from before the boot
    EXPECT_EQ(are_timestamps_ns(values, Numbers{now() - (values[1] - values[0]), now()}), possible);
}

TEST_P(TimestampGuess, UpperHalfOfAStampMayCount)
{
    // Every 4.3 s: the upper half of the time stamp is one more in each.
    constexpr std::uint64_t kInterval = (std::uint64_t{1} << 32) + kMillisecond;
    EXPECT_TRUE(in_reads_every(kInterval, numbers([](std::uint64_t at) { return now() + at * kInterval - 40'000; })));
}

TEST_P(TimestampGuess, StampIsShortlyBeforeTheRead)
{
    const auto delayed = [](std::uint64_t delay) {
        return in_reads_every(kSecond, numbers([&](std::uint64_t at) { return now() + at * kSecond - delay; }));
    };
    EXPECT_TRUE(delayed(0));
    EXPECT_TRUE(delayed(std::min(9 * kSecond, now() - kSecond)));
    EXPECT_FALSE(delayed(std::min(11 * kSecond, now()))) << "too old, or from before the boot";
    EXPECT_FALSE(in_one_read(numbers([](std::uint64_t at) { return now() + kSecond + at * kMillisecond; })))
        << "in the future";
}

TEST_P(TimestampGuess, StampsAscend)
{
    EXPECT_FALSE(in_one_read(numbers([](std::uint64_t at) { return now() - at * kMillisecond; })));
    EXPECT_FALSE(in_one_read(numbers([](std::uint64_t at) { return now() - 500 - (at ^ 1U) * kMillisecond; })));
}

INSTANTIATE_TEST_SUITE_P(Uptimes, TimestampGuess,
                         testing::Values(2 * kSecond, 11 * kSecond, 59 * kSecond, kSecond * 75 * 60, kSecond * 80 * 60,
                                         kSecond * 90 * 60, kDay, 50 * kDay, kYear, 10 * kYear),
                         [](const auto& uptime) { return std::to_string(uptime.param / kSecond) + "s"; });
INSTANTIATE_TEST_SUITE_P(Dates, TimestampGuess, testing::Values(31 * kYear, 54 * kYear, 70 * kYear, 137 * kYear),
                         [](const auto& date) { return std::to_string(1970 + date.param / kYear); });

// A counter from 7 on, and beside it a field of 1049 to 1256: as 64-bit numbers of nanoseconds 75 to 90 minutes.
TEST(TimestampGuessAtAnyUptime, CounterAndFieldAreNoStamp)
{
    const Numbers values = numbers([](std::uint64_t at) { return pair(7 + at, 1000 + (7 + at) * (7 + at)); });
    for (std::uint64_t uptime = kSecond; uptime < 3 * kHour; uptime += kSecond)
        ASSERT_FALSE(are_timestamps_ns(values, all(uptime))) << uptime;
}

TEST(TimestampGuessAtAnyUptime, SmallNumbersAreNoStamp)
{
    for (std::uint64_t uptime = kSecond; uptime < 60 * kSecond; uptime += kSecond / 10) {
        ASSERT_FALSE(are_timestamps_ns(all(0), all(uptime))) << uptime;
        ASSERT_FALSE(are_timestamps_ns(numbers([](std::uint64_t at) { return at * 5000; }), all(uptime))) << uptime;
    }
}

class TimestampGuessInSeconds : public testing::TestWithParam<std::uint64_t> {
protected:
    static std::uint64_t now() { return GetParam() * kSecond + 999 * kMillisecond; }
};

TEST_P(TimestampGuessInSeconds, SecondsOfTheReadAreRecognized)
{
    EXPECT_TRUE(are_timestamps_s(all(GetParam()), all(now())));
    EXPECT_TRUE(are_timestamps_s(numbers([](std::uint64_t at) { return GetParam() - kNumbers + at; }), all(now())));
    EXPECT_TRUE(are_timestamps_s(numbers([](std::uint64_t at) { return GetParam() + 60 * at; }),
                                 numbers([](std::uint64_t at) { return now() + 60 * at * kSecond; })));
}

TEST_P(TimestampGuessInSeconds, OtherNumbersAreNoSeconds)
{
    EXPECT_FALSE(are_timestamps_s(all(GetParam() - 60), all(now()))) << "long before the read";
    EXPECT_FALSE(are_timestamps_s(all(GetParam() + 2), all(now()))) << "after the read";
    EXPECT_FALSE(are_timestamps_s(numbers([](std::uint64_t at) { return GetParam() - at; }), all(now())))
        << "descending";
    EXPECT_FALSE(are_timestamps_s(all(UINT64_MAX), all(now())));
    EXPECT_FALSE(are_timestamps_s(all(0), all(now())));
    EXPECT_FALSE(are_timestamps_s({}, {}));
}

INSTANTIATE_TEST_SUITE_P(Dates, TimestampGuessInSeconds,
                         testing::Values(1'000'000'100U, 1'764'000'000U, 2'147'483'647U, 4'294'967'000U));

TEST(TimestampGuessWithoutDate, SmallNumbersAreNoSeconds)
{
    for (std::uint64_t uptime = 1; uptime < 10'000; ++uptime)
        ASSERT_FALSE(are_timestamps_s(all(uptime), all(uptime * kSecond))) << uptime;
}

}  // namespace
}  // namespace drvbus::test

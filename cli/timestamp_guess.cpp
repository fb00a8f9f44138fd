// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Two adjacent 32-bit numbers can also be read as one 64-bit number. If the upper half is small, this number is a
// possible uptime in nanoseconds: the upper half 1256 means 90 minutes. A value that is less than the uptime is
// therefore no evidence for a time stamp. The guess requires three properties. Two fields of which one is a counter do
// not have all of them:
//
// 1. The time stamp of each record is shortly before the time at which the record was read.
// 2. The time stamps ascend. Two of them are equal or at least kShortestInterval apart. A counter, an index or a
//    constant in the lower half changes by less than that from record to record.
// 3. If the upper half grows by one from record to record, it may be a counter, or the events may be 4.3 seconds apart.
//    In this case, the reads must be as far apart as the time stamps.
#include "cli/timestamp_guess.hpp"

#include <algorithm>
#include <cstddef>

namespace drvbus::cli {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
// The maximum time between an event and its read. The device may deliver several events together, and events from
// before the probe began.
constexpr std::uint64_t kLongestDelay = 10 * kSecond;
// A driver may take time stamps from a clock of the device that is synchronized with the clock of the system.
constexpr std::uint64_t kLargestClockError = kSecond / 10;
// In nanoseconds. No driver reports two events within this time.
constexpr std::uint32_t kShortestInterval = 100;
// How much the delays of two consecutive records may differ, for property 3.
constexpr std::uint64_t kLargestJitter = kSecond;
// A realtime clock that shows an earlier time was never set. Seconds since 1970 are then small numbers, as many other
// values are.
constexpr std::uint64_t kFirstPlausibleDate = 1'000'000'000 * kSecond;

std::uint64_t distance(std::uint64_t a, std::uint64_t b)
{
    return a > b ? a - b : b - a;
}

/// Property 1. No program runs within the first second after boot.
/// @param resolution of `time`, which is rounded down
bool is_shortly_before(std::uint64_t time, std::uint64_t read_time, std::uint64_t resolution)
{
    return time >= kSecond && time <= read_time + kLargestClockError && time + resolution + kLongestDelay > read_time;
}

bool lower_halves_differ_little(std::uint64_t a, std::uint64_t b)
{
    const auto difference = static_cast<std::uint32_t>(a - b);
    return std::min(difference, -difference) < kShortestInterval;
}

/// Property 2.
bool ascend(std::span<const std::uint64_t> values)
{
    bool differ = false;
    for (std::size_t at = 1; at < values.size(); ++at) {
        if (values[at] == values[at - 1])
            continue;
        if (values[at] < values[at - 1] || lower_halves_differ_little(values[at], values[at - 1]))
            return false;
        differ = true;
    }
    return differ;
}

bool upper_halves_are_counter(std::span<const std::uint64_t> values)
{
    for (std::size_t at = 1; at < values.size(); ++at) {
        if (values[at] >> 32 != (values[at - 1] >> 32) + 1)
            return false;
    }
    return true;
}

/// Property 3.
bool advance_like(std::span<const std::uint64_t> values, std::span<const std::uint64_t> read_times)
{
    for (std::size_t at = 1; at < values.size(); ++at) {
        if (distance(values[at] - values[at - 1], read_times[at] - read_times[at - 1]) > kLargestJitter)
            return false;
    }
    return true;
}

}  // namespace

bool are_timestamps_ns(std::span<const std::uint64_t> values, std::span<const std::uint64_t> read_times)
{
    for (std::size_t at = 0; at < values.size(); ++at) {
        if (!is_shortly_before(values[at], read_times[at], 1))
            return false;
    }
    return ascend(values) && (!upper_halves_are_counter(values) || advance_like(values, read_times));
}

bool are_timestamps_s(std::span<const std::uint64_t> values, std::span<const std::uint64_t> read_times)
{
    for (std::size_t at = 0; at < values.size(); ++at) {
        if (read_times[at] < kFirstPlausibleDate || values[at] > UINT64_MAX / kSecond - kSecond ||
            !is_shortly_before(values[at] * kSecond, read_times[at], kSecond))
            return false;
    }
    return !values.empty() && std::ranges::is_sorted(values);
}

}  // namespace drvbus::cli

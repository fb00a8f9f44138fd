// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Any two 32-bit numbers side by side are also one 64-bit number. If the upper one is small, the pair is a possible
// uptime in nanoseconds: 1256 as the upper half is 90 minutes. A value within the uptime is therefore no evidence for a
// time stamp. The guess demands three properties that a counter and a field beside it do not have together:
//
// 1. Each record was stamped shortly before it was read, not just some time since boot.
// 2. Time stamps ascend, and events are at least kShortestInterval apart unless they have the same time stamp. If the
//    lower half is a counter, an index or a constant, it changes by less than that from record to record, whatever the
//    upper half does.
// 3. If the upper half grows by one from record to record, it may be a counter itself, or the events may be 4.3 seconds
//    apart. Only then the reads must have been as far apart as the time stamps are.
#include "cli/timestamp_guess.hpp"

#include <algorithm>
#include <cstddef>

namespace drvbus::cli {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
// From the event until it was read: the device may deliver several events together, and may have events from before the
// probe began.
constexpr std::uint64_t kLongestDelay = 10 * kSecond;
// Drivers may stamp events by a clock of the device that is synchronised to the system's clock.
constexpr std::uint64_t kLargestClockError = kSecond / 10;
// No driver reports two events within it.
constexpr std::uint32_t kShortestInterval = 100;
// How much the delays of two consecutive records may differ for point 3.
constexpr std::uint64_t kLargestJitter = kSecond;
// A realtime clock that shows an earlier time was never set, and seconds since 1970 are small numbers then.
constexpr std::uint64_t kFirstPlausibleDate = 1'000'000'000 * kSecond;

std::uint64_t distance(std::uint64_t a, std::uint64_t b)
{
    return a > b ? a - b : b - a;
}

/// Point 1. No program runs within the first second after boot.
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

/// Point 2.
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

bool upper_halves_count(std::span<const std::uint64_t> values)
{
    for (std::size_t at = 1; at < values.size(); ++at) {
        if (values[at] >> 32 != (values[at - 1] >> 32) + 1)
            return false;
    }
    return true;
}

bool keep_pace(std::span<const std::uint64_t> values, std::span<const std::uint64_t> read_times)
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
    return ascend(values) && (!upper_halves_count(values) || keep_pace(values, read_times));
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

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "channel/flood_guard.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace drvbus::channel {

namespace {

constexpr std::chrono::milliseconds kLongestPause{30000};
// Input may arrive between a read and the poll() after it, so a single report is not spurious: the next read finds that
// input.
constexpr int kMaxSpurious = 3;

}  // namespace

void FloodGuard::count_events(std::uint64_t events, std::uint64_t limit)
{
    spurious_ = 0;
    events_ += events;
    if (limit == 0 || events_ < limit)
        return;
    throw FloodError(
        fmt::format("the device floods: it has had {} events or more without being drained. It is read from "
                    "time to time until it is drained; 'flood' in its [[channel]] sets another limit, 0 "
                    "means none",
                    limit));
}

bool FloodGuard::on_drained(bool readable)
{
    events_ = 0;
    pause_ = kFirstPause;
    if (!readable) {
        spurious_ = 0;
        return false;
    }
    if (++spurious_ < kMaxSpurious)
        return true;
    spurious_ = 0;
    throw std::runtime_error(
        "poll() reports the device as readable, but a read finds nothing. Set priority = true if its "
        "driver reports events with POLLPRI, or another notification if its driver does not "
        "implement poll");
}

std::chrono::milliseconds FloodGuard::next_pause()
{
    return std::exchange(pause_, std::min(pause_ * 2, kLongestPause));
}

}  // namespace drvbus::channel

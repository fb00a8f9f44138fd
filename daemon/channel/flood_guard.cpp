// SPDX-License-Identifier: LGPL-2.1-or-later
#include "channel/flood_guard.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace drvbus {

namespace {

constexpr std::chrono::milliseconds kLongestPause{30000};
// What comes between a read and the look whether there is something is found by the next read.
constexpr int kMostCries = 3;

}  // namespace

void Calm::published(std::uint64_t events, std::uint64_t most)
{
    cries_ = 0;
    events_ += events;
    if (most == 0 || events_ < most)
        return;
    flooded_ = true;
    throw Flood(fmt::format("the device floods: it has had {} events and more without a break. It is read now and then "
                            "until it has had one; a 'flood' in its [[channel]] sets another number, 0 none",
                            most));
}

bool Calm::empty(bool readable)
{
    events_ = 0;
    flooded_ = false;
    pause_ = kFirstPause;
    if (!readable) {
        cries_ = 0;
        return false;
    }
    if (++cries_ < kMostCries)
        return true;
    cries_ = 0;
    throw std::runtime_error("the device says that it can be read, and then there is nothing to read; set priority = "
                             "true if it tells of news as urgent ones, or another notification if its driver has no "
                             "poll of its own");
}

std::chrono::milliseconds Calm::pause()
{
    return std::exchange(pause_, std::min(pause_ * 2, kLongestPause));
}

}  // namespace drvbus

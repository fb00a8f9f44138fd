// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

namespace drvbus::channel {

/// Delays between attempts to open a device: 0.25 s first, doubled after each attempt, 30 s at most.
class RetryBackoff {
public:
    /// The delay before the next attempt.
    [[nodiscard]] std::chrono::milliseconds next() { return std::exchange(delay_, std::min(delay_ * 2, kLongest)); }
    /// Makes the next delay the shortest one.
    void reset() noexcept { delay_ = kShortest; }

private:
    // The first retry is early, because a device is often busy for a moment only. The last ones are rare, because a
    // device that stays absent must cost little.
    static constexpr std::chrono::milliseconds kShortest{250};
    static constexpr std::chrono::milliseconds kLongest{30000};

    std::chrono::milliseconds delay_ = kShortest;
};

}  // namespace drvbus::channel

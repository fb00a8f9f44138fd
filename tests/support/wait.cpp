// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/wait.hpp"

#include <algorithm>
#include <thread>

namespace drvbus::test {

bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds limit)
{
    // The pause grows with the wait: a condition may be expensive to check, and slow down what the test waits for.
    constexpr std::chrono::nanoseconds kShortest = 5ms;
    constexpr std::chrono::nanoseconds kLongest = 200ms;
    const auto begin = std::chrono::steady_clock::now();
    while (!condition()) {
        const std::chrono::nanoseconds waited = std::chrono::steady_clock::now() - begin;
        if (waited > limit)
            return condition();
        std::this_thread::sleep_for(std::clamp(waited / 8, kShortest, kLongest));
    }
    return true;
}

}  // namespace drvbus::test

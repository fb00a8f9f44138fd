// SPDX-License-Identifier: LGPL-2.1-or-later
#include "turn.hpp"

#include <chrono>
#include <stdexcept>

#include "support/wait.hpp"

#include "base/errno.hpp"

namespace drvbus::test {

bool turn_until(const EventLoop& loop, const std::function<bool()>& condition)
{
    const auto end = std::chrono::steady_clock::now() + kLimit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end)
            return false;
        const auto left = std::chrono::duration_cast<std::chrono::microseconds>(100ms);
        check(sd_event_run(loop.get(), static_cast<std::uint64_t>(left.count())), "sd_event_run");
    }
    return true;
}

void run_until_idle(const EventLoop& loop)
{
    constexpr int kFarTooMany = 10'000;
    for (int turns = 0; check(sd_event_run(loop.get(), 0), "sd_event_run") > 0; ++turns) {
        if (turns == kFarTooMany)
            throw std::runtime_error("the loop spins");
    }
}

}  // namespace drvbus::test

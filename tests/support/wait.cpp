// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/wait.hpp"

#include <thread>

namespace drvbus::test {

bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds limit)
{
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end)
            return condition();
        std::this_thread::sleep_for(5ms);
    }
    return true;
}

}  // namespace drvbus::test

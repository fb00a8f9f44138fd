// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/clocks.hpp"

#include <ctime>

namespace drvbus::cli {

namespace {

std::uint64_t now_of(clockid_t clock)
{
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

Clocks Clocks::now()
{
    return {now_of(CLOCK_MONOTONIC), now_of(CLOCK_REALTIME)};
}

}  // namespace drvbus::cli

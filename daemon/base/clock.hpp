// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <ctime>

namespace drvbus {

/// The time of a clock of the system, in ns.
[[nodiscard]] inline std::uint64_t clock_ns(clockid_t clock) noexcept
{
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

/// `clock_ns`, or another function with the same meaning.
using Clock = std::uint64_t (*)(clockid_t) noexcept;

}  // namespace drvbus

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

namespace drvbus::cli {

/// One point in time on two clocks, in nanoseconds.
struct Clocks {
    std::uint64_t monotonic;
    std::uint64_t realtime;

    [[nodiscard]] static Clocks now();

    friend bool operator==(const Clocks&, const Clocks&) = default;
};

}  // namespace drvbus::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

namespace drvbus::test {

constexpr std::uint64_t kMillisecond = 1'000'000;  ///< ns
constexpr std::uint64_t kSecond = 1000 * kMillisecond;

}  // namespace drvbus::test

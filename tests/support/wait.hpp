// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <functional>

namespace drvbus::test {

using namespace std::chrono_literals;

/// Longer than anything takes on a slow machine: it is only ever waited for in full when a test fails.
inline constexpr std::chrono::seconds kLimit = 300s;

/// Looks again and again until `condition` holds or `limit` is over. @returns whether it holds
bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds limit = kLimit);

}  // namespace drvbus::test

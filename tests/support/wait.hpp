// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <functional>

namespace drvbus::test {

using namespace std::chrono_literals;

/// Upper bound for every wait, generous enough for a slow machine. A test waits this long only if it fails.
inline constexpr std::chrono::seconds kLimit = 300s;

/// Polls `condition`, after 5 ms at first and every 200 ms at last, until it holds or `limit` has passed.
/// @returns whether it holds
bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds limit = kLimit);

}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>

#include "base/event_loop.hpp"

namespace drvbus::test {

/// Turns the loop until `condition` holds. @returns whether it does within the limit
bool turn_until(const EventLoop& loop, const std::function<bool()>& condition);

/// Turns the loop for as long as something has happened already.
void run_until_idle(const EventLoop& loop);

}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

#include "tools/identity.hpp"

namespace drvbus::tools {

/// Names of the processes that have the node open, as far as this user may see.
[[nodiscard]] std::vector<std::string> holders_of(const Identity& identity);

}  // namespace drvbus::tools

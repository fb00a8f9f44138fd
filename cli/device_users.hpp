// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "cli/device_info.hpp"

namespace drvbus::cli {

/// Who has a node open.
struct Holders {
    std::string names;     ///< of the processes, as far as this user may see
    bool drvbusd = false;  ///< is one of them
};

[[nodiscard]] Holders holders_of(const Identity& identity);

}  // namespace drvbus::cli

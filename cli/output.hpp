// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <string_view>

namespace drvbus::cli {

/// One line of a report: `  LABEL         TEXT`, with a newline.
[[nodiscard]] std::string labelled(std::string_view label, std::string_view text);

/// Writes to stdout and flushes it.
/// @throws std::system_error
void print(std::string_view text);

}  // namespace drvbus::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace drvbus::cli {

/// As `hexdump -C` shows it, without leaving out lines that are the same.
[[nodiscard]] std::string hexdump(std::span<const std::byte> bytes);

}  // namespace drvbus::cli

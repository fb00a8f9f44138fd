// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace drvbus::cli {

/// The format of `hexdump -C`, but without collapsing lines that are equal.
[[nodiscard]] std::string hexdump(std::span<const std::byte> bytes);

}  // namespace drvbus::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Makes text safe for terminals, configuration files and units.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/printable.hpp"

namespace drvbus::cli {

/// The text as a TOML string in quotes; none if it is not UTF-8, which TOML requires.
[[nodiscard]] std::optional<std::string> toml_string(std::string_view text);

/// The text as one word of a unit's setting, with `%` escaped; none if it cannot be one word.
[[nodiscard]] std::optional<std::string> unit_word(std::string_view text);

/// Whether the text is exactly one line `SETTING=VALUE` of a unit.
[[nodiscard]] bool is_unit_setting(std::string_view text);

}  // namespace drvbus::cli

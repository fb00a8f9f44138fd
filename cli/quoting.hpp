// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace drvbus::cli {

/// As it is, but what a terminal would obey, or what ends a line, as `\xNN`.
[[nodiscard]] std::string printable(std::string_view text);

/// In quotes, as TOML has it; none where TOML cannot hold it, for it is no UTF-8.
[[nodiscard]] std::optional<std::string> toml_string(std::string_view text);

/// The pattern, as in fnmatch(3), that fits `text` alone.
[[nodiscard]] std::string pattern_of(std::string_view text);

/// A word of a setting in a unit, where nothing in it is taken for a specifier; none where it would not be one word.
[[nodiscard]] std::optional<std::string> unit_word(std::string_view text);

/// `SETTING=VALUE`, as a unit has it, on one line.
[[nodiscard]] bool is_unit_line(std::string_view text);

/// `  LABEL     TEXT`
[[nodiscard]] std::string labelled(std::string_view label, std::string_view text);

/// Writes to stdout, at once.
void print(std::string_view text);

}  // namespace drvbus::cli

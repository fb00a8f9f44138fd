// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Regular expressions of PCRE2 on bytes.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct pcre2_real_code_8;

namespace drvbus::format::regex {

using Code = std::shared_ptr<const pcre2_real_code_8>;

/// The text of each group, up to the last one that took part in the match; none: the group took no part. Element 0 is
/// the complete match.
using Groups = std::vector<std::optional<std::string_view>>;

/// An expression in which '.' also stands for a line feed.
/// @throws std::runtime_error if the expression is not valid
[[nodiscard]] Code compile(const std::string& expression);

/// The expression that matches exactly `text`.
[[nodiscard]] std::string escape(std::string_view text);

/// Matches the complete text.
/// @returns none if the text does not match, or if finding this out would take too many steps
[[nodiscard]] std::optional<Groups> match(const pcre2_real_code_8& code, std::string_view text);

/// Matches the beginning of the text. @returns the size of the match in bytes; none as `match`
[[nodiscard]] std::optional<std::size_t> match_beginning(const pcre2_real_code_8& code, std::string_view text);

}  // namespace drvbus::format::regex

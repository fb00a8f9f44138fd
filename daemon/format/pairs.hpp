// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <map>
#include <string_view>

namespace drvbus::format {

/// The items KEY=VALUE in a field of type pairs, by key. Each item ends at a line feed, at a NUL, or at the end. Spaces
/// before a key are skipped. An item without '=' is a key with an empty value. If a key is there twice, the last value
/// is used.
/// @returns parts of `text`
[[nodiscard]] std::map<std::string_view, std::string_view> parse_pairs(std::string_view text);

}  // namespace drvbus::format

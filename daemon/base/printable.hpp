// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <string_view>

namespace drvbus {

/// Whether the character is a control character of ASCII.
[[nodiscard]] constexpr bool is_control(char c) noexcept
{
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

/// The text, in which control characters and bytes that are not UTF-8 are replaced with `\xNN`. The result is one line
/// and safe for a terminal.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace drvbus

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <string_view>

namespace drvbus {

/// Whether sd-bus accepts `bytes` as a string: valid UTF-8 without the noncharacters of Unicode. (D-Bus itself allows
/// noncharacters.) A NUL byte is not checked; on the bus, it ends the string.
[[nodiscard]] bool is_valid_text(std::string_view bytes) noexcept;

/// A string that sd-bus accepts: U+FFFD replaces what is not valid in `bytes`.
[[nodiscard]] std::string make_valid_text(std::string_view bytes);

}  // namespace drvbus

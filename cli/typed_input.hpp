// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "cli/device_info.hpp"

namespace drvbus::cli {

/// Whether a bit of a letter key is set, in what EVIOCGBIT(EV_KEY) answers.
[[nodiscard]] bool has_letter_keys(std::span<const std::byte> keys) noexcept;

/// Whether a descriptor of reports (HID) has a keyboard in it.
[[nodiscard]] bool describes_keyboard(std::span<const std::byte> descriptor) noexcept;

/// Why what comes from the open device must not be shown, for it is what somebody types; empty: it may be.
[[nodiscard]] std::string reason_for_secrecy(const Identity& identity, int fd);

}  // namespace drvbus::cli

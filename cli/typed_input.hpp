// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Devices that people type on: their data, which may contain passwords, must not be shown.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "cli/device_info.hpp"

namespace drvbus::cli {

/// @param keys the bits that EVIOCGBIT(EV_KEY) returns
[[nodiscard]] bool has_letter_keys(std::span<const std::byte> keys) noexcept;

/// @param descriptor a HID report descriptor
[[nodiscard]] bool describes_keyboard(std::span<const std::byte> descriptor) noexcept;

/// Why an open device must not be read, because it may deliver typed input; empty if it may be read.
[[nodiscard]] std::string reason_not_to_read(const DeviceInfo& info, int fd);

}  // namespace drvbus::cli

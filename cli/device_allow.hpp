// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "cli/device_info.hpp"
#include "device/match.hpp"

namespace drvbus::cli {

/// The specifier of DeviceAllow= for all devices with the same major number, such as `char-input`. Empty if there is
/// none, or if devices of other kinds have the same number.
[[nodiscard]] std::string device_allow_specifier(const DeviceInfo& info);

/// The same for devices that may be absent. Empty if it is unknown.
[[nodiscard]] std::string device_allow_specifier(const device::Match& match);

}  // namespace drvbus::cli

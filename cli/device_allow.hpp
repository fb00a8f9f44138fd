// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "cli/device_info.hpp"
#include "device/match.hpp"

namespace drvbus::cli {

/// `char-input`, as DeviceAllow= has it: all devices of its major number; empty where there are others than such as it
/// among them.
[[nodiscard]] std::string device_group(const Identity& identity);

/// The same for devices that are not there now; empty where it is not known.
[[nodiscard]] std::string device_group(const device::Match& match);

}  // namespace drvbus::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "cli/device_info.hpp"
#include "cli/layout_guess.hpp"

namespace drvbus::cli {

/// A valid name of a channel, made from the path of its device.
[[nodiscard]] std::string suggest_channel_name(const std::string& path);

/// The preset for the device according to its path; empty if there is none.
[[nodiscard]] std::string preset_for(const DeviceInfo& info);

/// A setting `match = { ... }` that matches this device and no other; empty if there is none.
[[nodiscard]] std::string suggest_match(const DeviceInfo& info);

/// A [[channel]] as a draft for the user, in which settings are comments if they are optional or uncertain.
/// @param typed_input whether people type on the device
[[nodiscard]] std::string suggest_channel(const DeviceInfo& info, const Layout& layout, bool typed_input);

}  // namespace drvbus::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "cli/device_info.hpp"
#include "cli/layout_guess.hpp"

namespace drvbus::cli {

/// A name for a channel of the device.
[[nodiscard]] std::string channel_name(const std::string& path);

/// The preset for devices of this kind; empty: none is known.
[[nodiscard]] std::string preset_for(const Identity& identity);

/// `match = { … }` that fits this device and no other, whatever its node is called; empty where there is none.
[[nodiscard]] std::string match_for(const Identity& identity);

/// A [[channel]] to begin with.
/// @param secret it is a device that somebody types on
[[nodiscard]] std::string suggest_channel(const Identity& identity, const Layout& layout, bool secret);

}  // namespace drvbus::cli

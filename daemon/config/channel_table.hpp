// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <filesystem>

#include <toml++/toml.h>

#include "config/config.hpp"

namespace drvbus::config {

/// Reads the settings of one [[channel]], with those of its preset.
/// @param presets directory with the presets
/// @throws ConfigError
[[nodiscard]] device::ChannelSettings read_channel(const toml::table& table, const std::filesystem::path& presets);

}  // namespace drvbus::config

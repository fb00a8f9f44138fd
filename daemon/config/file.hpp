// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <toml++/toml.h>

namespace drvbus::config {

/// @throws ConfigError
[[nodiscard]] std::string read_file(const std::filesystem::path& file);

/// @param file its name, for error messages
/// @throws ConfigError
[[nodiscard]] toml::table parse(std::string_view text, const std::string& file);

}  // namespace drvbus::config

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <toml++/toml.h>

namespace drvbus::config {

/// The contents of the file.
/// @throws ConfigError if the file cannot be read
[[nodiscard]] std::string read_file(const std::filesystem::path& file);

/// Parses a TOML document.
/// @param file name of the file with the document, for error messages
/// @throws ConfigError
[[nodiscard]] toml::table parse(std::string_view text, const std::string& file);

}  // namespace drvbus::config

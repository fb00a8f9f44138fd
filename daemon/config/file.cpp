// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config/file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include "config/config.hpp"
#include "config/document.hpp"

namespace drvbus::config {

std::string read_file(const std::filesystem::path& file)
{
    std::ifstream stream(file, std::ios::binary);
    std::string text;
    for (char c{}; stream.get(c);)
        text += c;
    // Copying the stream's buffer would not distinguish a failed read from the end of the file.
    if (stream.eof())
        return text;
    const int error = errno;
    std::error_code ignored;
    throw ConfigError(
        fmt::format("{}: cannot be read: {}", file.string(),
                    std::filesystem::is_directory(file, ignored) ? "it is a directory" : strerror(error)));
}

toml::table parse(std::string_view text, const std::string& file)
{
    try {
        return toml::parse(text, file);
    } catch (const toml::parse_error& error) {
        fail(error.source(), std::string(error.description()));
    }
}

}  // namespace drvbus::config

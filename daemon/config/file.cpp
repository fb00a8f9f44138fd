// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config/file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include "base/text.hpp"
#include "config/config.hpp"
#include "config/document.hpp"

namespace drvbus::config {

namespace {

// Names, paths and reasons of the configuration get onto the bus. toml++ has checked that they are UTF-8.
constexpr const char* kNoncharacter = "the text contains a noncharacter of Unicode, such as U+FFFE, which sd-bus "
                                      "refuses; remove it";

/// @throws ConfigError if a key or a string in `node` is not accepted by sd-bus
void check_text(const toml::node& node)
{
    if (const auto* const text = node.as_string(); text != nullptr && !is_valid_text(text->get()))
        fail(node, kNoncharacter);
    if (const auto* const array = node.as_array()) {
        for (const toml::node& element : *array)
            check_text(element);
    }
    if (const auto* const table = node.as_table()) {
        for (const auto& [key, value] : *table) {
            if (!is_valid_text(key.str()))
                fail(key.source().begin.line != 0 ? key.source() : table->source(), kNoncharacter);
            check_text(value);
        }
    }
}

}  // namespace

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
        toml::table table = toml::parse(text, file);
        check_text(table);
        return table;
    } catch (const toml::parse_error& error) {
        fail(error.source(), std::string(error.description()));
    }
}

}  // namespace drvbus::config

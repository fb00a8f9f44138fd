// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/quoting.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <utf8.h>

namespace drvbus::cli {

namespace {

bool is_control(char c)
{
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

}  // namespace

std::string printable(std::string_view text)
{
    const bool valid = utf8::is_valid(text.begin(), text.end());
    std::string result;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        // U+0080 to U+009F are control characters, too. UTF-8 encodes them in two bytes.
        const bool is_c1_control =
            byte == 0xc2 && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xa0;
        if (is_control(text[at]) || is_c1_control || (byte >= 0x80 && !valid))
            fmt::format_to(std::back_inserter(result), "\\x{:02x}", byte);
        else
            result.push_back(text[at]);
    }
    return result;
}

std::optional<std::string> toml_string(std::string_view text)
{
    if (!utf8::is_valid(text.begin(), text.end()))
        return std::nullopt;
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            result.append({'\\', c});
        else if (is_control(c))
            fmt::format_to(std::back_inserter(result), "\\u{:04x}", static_cast<unsigned>(c));
        else
            result.push_back(c);
    }
    return result + "\"";
}

std::string literal_pattern(std::string_view text)
{
    std::string result;
    for (const char c : text) {
        if (std::string_view("*?[\\").find(c) != std::string_view::npos)
            result.push_back('\\');
        result.push_back(c);
    }
    return result;
}

std::optional<std::string> unit_word(std::string_view text)
{
    std::string result;
    for (const char c : text) {
        if (is_control(c) || std::string_view(" \"'\\").find(c) != std::string_view::npos)
            return std::nullopt;
        result.append(c == '%' ? 2 : 1, c);
    }
    if (result.empty() || !utf8::is_valid(result.begin(), result.end()))
        return std::nullopt;
    return result;
}

bool is_unit_setting(std::string_view text)
{
    const std::size_t equals = text.find('=');
    // A backslash at the end continues the line.
    return equals != std::string_view::npos && equals > 0 && std::ranges::all_of(text.substr(0, equals), is_letter) &&
           std::ranges::none_of(text, is_control) && !text.ends_with('\\') && utf8::is_valid(text.begin(), text.end());
}

}  // namespace drvbus::cli

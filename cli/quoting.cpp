// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/quoting.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <utf8.h>

namespace drvbus::cli {

namespace {

bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

}  // namespace

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

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/text.hpp"

#include <cstdint>
#include <iterator>

#include <utf8.h>

namespace drvbus {

namespace {

bool is_noncharacter(std::uint32_t code_point)
{
    return (code_point & 0xfffeU) == 0xfffeU || (code_point >= 0xfdd0U && code_point <= 0xfdefU);
}

}  // namespace

bool is_valid_text(std::string_view bytes) noexcept
{
    if (!utf8::is_valid(bytes.begin(), bytes.end()))
        return false;
    for (const auto* at = bytes.begin(); at != bytes.end();) {
        if (is_noncharacter(utf8::unchecked::next(at)))
            return false;
    }
    return true;
}

std::string make_valid_text(std::string_view bytes)
{
    std::string valid;
    utf8::replace_invalid(bytes.begin(), bytes.end(), std::back_inserter(valid));
    std::string text;
    for (auto at = valid.cbegin(); at != valid.cend();) {
        const std::uint32_t code_point = utf8::unchecked::next(at);
        utf8::unchecked::append(is_noncharacter(code_point) ? 0xfffdU : code_point, std::back_inserter(text));
    }
    return text;
}

}  // namespace drvbus

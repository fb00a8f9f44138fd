// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/printable.hpp"

#include <iterator>

#include <fmt/format.h>
#include <utf8.h>

namespace drvbus {

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

}  // namespace drvbus

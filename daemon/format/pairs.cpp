// SPDX-License-Identifier: LGPL-2.1-or-later
#include "format/pairs.hpp"

#include <algorithm>

namespace drvbus::format {

std::map<std::string_view, std::string_view> parse_pairs(std::string_view text)
{
    constexpr std::string_view kEnds("\n\0", 2);
    std::map<std::string_view, std::string_view> pairs;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(kEnds), text.size());
        std::string_view item = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        item.remove_prefix(std::min(item.find_first_not_of(' '), item.size()));
        if (item.empty())
            continue;
        const std::size_t equals = std::min(item.find('='), item.size());
        pairs.insert_or_assign(item.substr(0, equals), item.substr(std::min(equals + 1, item.size())));
    }
    return pairs;
}

}  // namespace drvbus::format

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "record/event_names.hpp"

#include <sstream>

#include <fmt/format.h>

#include "base/text.hpp"

namespace drvbus::record {

std::map<std::uint32_t, std::string> parse_event_names(const std::string& text)
{
    std::map<std::uint32_t, std::string> names;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::uint32_t id = 0;
        std::string name;
        if (words >> id >> name)
            names.emplace(id, make_valid_text(name));
    }
    return names;
}

std::string event_names_text(const std::map<std::uint32_t, std::string>& names)
{
    std::string text;
    for (const auto& [id, name] : names)
        text += fmt::format("{} {}\n", id, name);
    return text;
}

}  // namespace drvbus::record

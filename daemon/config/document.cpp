// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config/document.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/config.hpp"

namespace drvbus::config {

std::string quoted_list(const Names& names)
{
    return fmt::format("\"{}\"", fmt::join(names, "\", \""));
}

void fail(const toml::source_region& where, const std::string& what)
{
    throw ConfigError(fmt::format("{}:{}:{}: {}", where.path ? *where.path : std::string("configuration"),
                                  where.begin.line, where.begin.column, what));
}

void fail(const toml::node& node, const std::string& what)
{
    fail(node.source(), what);
}

bool has_source_location(const toml::node& node)
{
    return node.source().begin.line != 0;
}

std::string_view type_name(const toml::node& node)
{
    switch (node.type()) {
    case toml::node_type::string:
        return "a string";
    case toml::node_type::integer:
    case toml::node_type::floating_point:
        return "a number";
    case toml::node_type::boolean:
        return "a boolean";
    case toml::node_type::array:
        return "an array";
    case toml::node_type::table:
        return "a table";
    default:
        return "a date or time";
    }
}

const toml::node* Table::get(std::string_view key) const
{
    const toml::node* const node = own_.get(key);
    return node != nullptr || preset_ == nullptr ? node : preset_->get(key);
}

void Table::fail(std::string_view key, const std::string& what) const
{
    const toml::node* const node = get(key);
    config::fail(node != nullptr && has_source_location(*node) ? *node : own_, what);
}

void Table::check_keys(const Names& known, std::string_view what) const
{
    for (const auto& [key, value] : own_) {
        if (std::ranges::find(known, key.str()) == known.end())
            config::fail(
                key.source().begin.line != 0 ? key.source() : own_.source(),
                fmt::format("'{}' is not a key of {}; valid keys are {}", key.str(), what, quoted_list(known)));
    }
}

std::optional<std::string> Table::string(std::string_view key) const
{
    const toml::node* const node = get(key);
    if (node == nullptr)
        return std::nullopt;
    const auto* const value = node->as_string();
    if (value == nullptr)
        fail(key, fmt::format("'{}' has to be a string in quotes, not {}", key, type_name(*node)));
    return value->get();
}

std::optional<std::int64_t> Table::integer(std::string_view key) const
{
    const toml::node* const node = get(key);
    if (node == nullptr)
        return std::nullopt;
    const auto* const value = node->as_integer();
    if (value == nullptr)
        fail(key, fmt::format("'{}' has to be a whole number, not {}", key, type_name(*node)));
    return value->get();
}

std::optional<std::int64_t> Table::integer(std::string_view key, std::int64_t min, std::int64_t max) const
{
    const std::optional<std::int64_t> value = integer(key);
    if (value && (*value < min || *value > max))
        fail(key, fmt::format("'{}' cannot be {}; it must be from {} to {}", key, *value, min, max));
    return value;
}

std::optional<bool> Table::boolean(std::string_view key) const
{
    const toml::node* const node = get(key);
    if (node == nullptr)
        return std::nullopt;
    const auto* const value = node->as_boolean();
    if (value == nullptr)
        fail(key, fmt::format("'{}' has to be true or false, not {}", key, type_name(*node)));
    return value->get();
}

std::optional<std::string> Table::choice(std::string_view key, const Names& choices) const
{
    std::optional<std::string> value = string(key);
    if (value && std::ranges::find(choices, *value) == choices.end())
        fail(key, fmt::format("'{}' cannot be \"{}\"; it is one of {}", key, *value, quoted_list(choices)));
    return value;
}

const toml::table* Table::table(std::string_view key) const
{
    const toml::node* const node = get(key);
    if (node != nullptr && !node->is_table())
        fail(key, fmt::format("'{}' has to be a table, such as {{ name = \"value\" }}, not {}", key, type_name(*node)));
    return node == nullptr ? nullptr : node->as_table();
}

const toml::array* Table::array(std::string_view key) const
{
    const toml::node* const node = get(key);
    if (node != nullptr && !node->is_array())
        fail(key, fmt::format("'{}' has to be an array in [ ], not {}", key, type_name(*node)));
    return node == nullptr ? nullptr : node->as_array();
}

std::vector<std::string> Table::strings(std::string_view key) const
{
    const toml::node* const node = get(key);
    if (node == nullptr)
        return {};
    if (const auto* const value = node->as_string())
        return {value->get()};
    std::vector<std::string> all;
    if (!node->is_array())
        fail(key, fmt::format("'{}' has to be a string in quotes, or an array of such, not {}", key, type_name(*node)));
    for (const toml::node& element : *node->as_array()) {
        if (!element.is_string())
            fail(key, fmt::format("'{}' has to be an array of strings, not of {}", key, type_name(element)));
        all.push_back(element.as_string()->get());
    }
    return all;
}

}  // namespace drvbus::config

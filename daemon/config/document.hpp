// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

namespace drvbus::config {

/// Names of keys, or the values that a key may have.
using Names = std::vector<std::string_view>;

/// The names as a list for messages: `"a", "b"`.
[[nodiscard]] std::string quoted_list(const Names& names);

/// @throws ConfigError with the location in the file
[[noreturn]] void fail(const toml::source_region& where, const std::string& what);
[[noreturn]] void fail(const toml::node& node, const std::string& what);

/// Whether the node has a location in a file. A node that was copied from a parameter of a preset has none.
[[nodiscard]] bool has_source_location(const toml::node& node);

/// The type of the node for messages, such as "a string".
[[nodiscard]] std::string_view type_name(const toml::node& node);

/// A table of the configuration: `own`, with the values of a preset for the keys that `own` does not have.
class Table {
public:
    /// @param own, preset must outlive this object; `preset` may be null
    explicit Table(const toml::table& own, const toml::table* preset = nullptr) : own_(own), preset_(preset) {}

    [[nodiscard]] const toml::table& own() const { return own_; }
    [[nodiscard]] const toml::node* get(std::string_view key) const;
    [[nodiscard]] bool has(std::string_view key) const { return get(key) != nullptr; }

    /// Throws a ConfigError with the location of `key`, or of the table if the key has no location.
    [[noreturn]] void fail(std::string_view key, const std::string& what) const;

    /// Checks the keys of `own`.
    /// @param known the valid keys
    /// @param what the table, for error messages, such as "a step"
    /// @throws ConfigError if `own` has another key
    void check_keys(const Names& known, std::string_view what) const;

    // The functions below return the value of a key; none (or null) if there is no such key. They throw ConfigError if
    // the value has another type, or is out of range.
    [[nodiscard]] std::optional<std::string> string(std::string_view key) const;
    [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key) const;
    [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max) const;
    [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
    [[nodiscard]] std::optional<std::string> choice(std::string_view key, const Names& choices) const;
    [[nodiscard]] const toml::table* table(std::string_view key) const;
    [[nodiscard]] const toml::array* array(std::string_view key) const;
    /// The value may be a string or an array of strings. Empty if there is no such key.
    [[nodiscard]] std::vector<std::string> strings(std::string_view key) const;

private:
    const toml::table& own_;
    const toml::table* preset_;
};

}  // namespace drvbus::config

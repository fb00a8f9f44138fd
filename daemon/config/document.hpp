// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

namespace drvbus::config {

using Names = std::vector<std::string_view>;

/// A list for messages: `"a", "b"`.
[[nodiscard]] std::string one_of(const Names& names);

/// @throws ConfigError with the place of the node
[[noreturn]] void fail(const toml::source_region& where, const std::string& what);
[[noreturn]] void fail(const toml::node& node, const std::string& what);

/// Whether the node has a place in a file. Nodes that were made from a parameter of a preset have none.
[[nodiscard]] bool has_place(const toml::node& node);

[[nodiscard]] std::string_view type_name(const toml::node& node);

/// A table of the configuration: `own`, with the values of a preset for the keys that `own` does not have.
class Table {
public:
    explicit Table(const toml::table& own, const toml::table* preset = nullptr) : own_(own), preset_(preset) {}

    [[nodiscard]] const toml::table& own() const { return own_; }
    [[nodiscard]] const toml::node* get(std::string_view key) const;
    [[nodiscard]] bool has(std::string_view key) const { return get(key) != nullptr; }

    /// Reports an error in the value of `key`.
    [[noreturn]] void fail(std::string_view key, const std::string& what) const;

    /// @throws ConfigError if `own` has another key
    void known_keys(const Names& known, std::string_view of) const;

    // The result is none (or null) if there is no such key.
    /// @throws ConfigError if the value has another type
    [[nodiscard]] std::optional<std::string> text(std::string_view key) const;
    [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key) const;
    [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key, std::int64_t least,
                                                      std::int64_t most) const;
    [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
    [[nodiscard]] std::optional<std::string> choice(std::string_view key, const Names& choices) const;
    [[nodiscard]] const toml::table* table(std::string_view key) const;
    [[nodiscard]] const toml::array* array(std::string_view key) const;
    /// A string, or an array of strings.
    [[nodiscard]] std::vector<std::string> texts(std::string_view key) const;

private:
    const toml::table& own_;
    const toml::table* preset_;
};

}  // namespace drvbus::config

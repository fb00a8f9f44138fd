// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

namespace drvbus::config {

using Names = std::vector<std::string_view>;

/// `"a", "b"`
[[nodiscard]] std::string one_of(const Names& names);

/// @throws ConfigError that says where
[[noreturn]] void fail(const toml::source_region& where, const std::string& what);
[[noreturn]] void fail(const toml::node& node, const std::string& what);

/// Where a node has no place of its own: one that a parameter of a preset stands for.
[[nodiscard]] bool has_place(const toml::node& node);

[[nodiscard]] std::string_view type_name(const toml::node& node);

/// A table of the configuration: `own`, and behind it what a preset has for what `own` does not say.
class Table {
public:
    explicit Table(const toml::table& own, const toml::table* preset = nullptr) : own_(own), preset_(preset) {}

    [[nodiscard]] const toml::table& own() const { return own_; }
    [[nodiscard]] const toml::node* get(std::string_view key) const;
    [[nodiscard]] bool has(std::string_view key) const { return get(key) != nullptr; }

    /// Says what is wrong with the value of `key`.
    [[noreturn]] void fail(std::string_view key, const std::string& what) const;

    /// @throws ConfigError where there is a key in `own` that is not known
    void known_keys(const Names& known, std::string_view of) const;

    // None where there is no such key.
    /// @throws ConfigError where it is of another type
    [[nodiscard]] std::optional<std::string> text(std::string_view key) const;
    [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key) const;
    [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key, std::int64_t least,
                                                      std::int64_t most) const;
    [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
    [[nodiscard]] std::optional<std::string> choice(std::string_view key, const Names& choices) const;
    [[nodiscard]] const toml::table* table(std::string_view key) const;
    [[nodiscard]] const toml::array* array(std::string_view key) const;
    /// A text, or an array of texts.
    [[nodiscard]] std::vector<std::string> texts(std::string_view key) const;

private:
    const toml::table& own_;
    const toml::table* preset_;
};

}  // namespace drvbus::config

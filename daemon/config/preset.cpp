// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config/preset.hpp"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "config/config.hpp"
#include "config/file.hpp"

namespace drvbus::config {

namespace {

std::string list_presets(const std::filesystem::path& directory)
{
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
        if (at->path().extension() == ".toml")
            names.push_back(at->path().stem().string());
    }
    std::ranges::sort(names);
    return names.empty() ? fmt::format("there are none in {}", directory.string())
                         : fmt::format("there are {}", quoted_list({names.begin(), names.end()}));
}

std::string text_of(const toml::node& value)
{
    if (const auto* const number = value.as_integer())
        return std::to_string(number->get());
    if (const auto* const truth = value.as_boolean())
        return truth->get() ? "true" : "false";
    if (const auto* const text = value.as_string())
        return text->get();
    return {};
}

/// Calls `store` with the value in its concrete type, which toml++ can copy.
template <typename Store>
void store_copy(Store&& store, const toml::node& value)
{
    value.visit([&](const auto& concrete) { store(concrete); });
}

/// Replaces the placeholders of parameters in a document by their values.
class ParameterSubstitution {
public:
    /// @param values by the names of the parameters; must outlive this object
    explicit ParameterSubstitution(const toml::table& values) : values_(values) {}

    void substitute(toml::table& table) const
    {
        for (auto& [key, node] : table) {
            if (const toml::node* const value = value_of_placeholder(node))
                store_copy([&, &name = key](const auto& concrete) { table.insert_or_assign(name.str(), concrete); },
                           *value);
            else
                substitute_in_node(node);
        }
    }

private:
    void substitute(toml::array& array) const
    {
        for (std::size_t i = 0; i < array.size(); ++i) {
            if (const toml::node* const value = value_of_placeholder(array[i]))
                store_copy(
                    [&](const auto& concrete) {
                        array.replace(array.cbegin() + static_cast<std::ptrdiff_t>(i), concrete);
                    },
                    *value);
            else
                substitute_in_node(array[i]);
        }
    }

    void substitute_in_node(toml::node& node) const
    {
        if (auto* const table = node.as_table())
            substitute(*table);
        else if (auto* const array = node.as_array())
            substitute(*array);
        else if (auto* const text = node.as_string())
            substitute(text->get());
    }

    void substitute(std::string& text) const
    {
        for (const auto& [name, value] : values_) {
            const std::string placeholder = fmt::format("{{{}}}", name.str());
            const std::string replacement = text_of(value);
            for (std::size_t at = 0; (at = text.find(placeholder, at)) != std::string::npos; at += replacement.size())
                text.replace(at, placeholder.size(), replacement);
        }
    }

    /// The value of the parameter, if the node is a string that is one placeholder and nothing else; null otherwise.
    /// Such a node gets the type of the value.
    [[nodiscard]] const toml::node* value_of_placeholder(const toml::node& node) const
    {
        const auto* const text = node.as_string();
        if (text == nullptr || !text->get().starts_with('{') || !text->get().ends_with('}'))
            return nullptr;
        return values_.get(std::string_view(text->get()).substr(1, text->get().size() - 2));
    }

    const toml::table& values_;
};

}  // namespace

Preset::Preset(const std::filesystem::path& directory, const std::string& name, const toml::table& channel)
{
    const std::filesystem::path file = directory / (name + ".toml");
    const toml::node& preset_key = *channel.get("preset");
    std::error_code error;
    if (!is_channel_name(name) || !std::filesystem::exists(file, error))
        fail(preset_key, fmt::format("there is no preset \"{}\"; {}", name, list_presets(directory)));
    document_ = parse(read_file(file), file.string());
    toml::table values;
    if (const auto* const parameters = document_["parameters"].as_table())
        values = *parameters;
    for (const auto& [key, value] : values) {
        const toml::node* const given = channel.get(key);
        if (given == nullptr)
            continue;
        if (given->type() != value.type())
            fail(*given, fmt::format("'{}' has to be {}, not {}", key.str(), type_name(value), type_name(*given)));
        check_choice(key.str(), *given);
        store_copy([&, &parameter = key](const auto& concrete) { values.insert_or_assign(parameter.str(), concrete); },
                   *given);
    }
    toml::table* const settings = document_["channel"].as_table();
    if (settings == nullptr)
        fail(preset_key, fmt::format("{} has no [channel]", file.string()));
    ParameterSubstitution(values).substitute(*settings);
    channel_ = settings;
}

/// Checks the value that the user's channel has for a parameter.
void Preset::check_choice(std::string_view parameter, const toml::node& given) const
{
    const toml::table* const all = document_["choices"].as_table();
    if (all == nullptr || !all->contains(parameter))
        return;
    const std::vector<std::string> choices = Table(*all).strings(parameter);
    const std::string value = text_of(given);
    if (std::ranges::find(choices, value) == choices.end())
        fail(given, fmt::format("'{}' cannot be \"{}\"; it is one of {}", parameter, value,
                                quoted_list({choices.begin(), choices.end()})));
}

std::vector<std::string> Preset::parameters() const
{
    std::vector<std::string> names;
    if (const auto* const parameters = document_["parameters"].as_table()) {
        for (const auto& [key, value] : *parameters)
            names.emplace_back(key.str());
    }
    return names;
}

}  // namespace drvbus::config

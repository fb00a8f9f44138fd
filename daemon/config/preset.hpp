// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

#include "config/document.hpp"

namespace drvbus::config {

/// The settings of channels for one kind of device. The file of a preset has a table [channel]. In it, this class
/// replaces "{PARAMETER}" by the value that the user's channel has for the parameter, or else by the default in the
/// table [parameters]. A table [choices] may list the strings that are valid for a parameter.
class Preset {
public:
    /// Reads the file `name`.toml in the directory.
    /// @param channel the user's [[channel]], which has the key 'preset'
    /// @throws ConfigError
    Preset(const std::filesystem::path& directory, const std::string& name, const toml::table& channel);

    /// The table [channel], with the values of the parameters. Owned by this object.
    [[nodiscard]] const toml::table& channel() const { return *channel_; }
    /// The names of the parameters, which are allowed as keys of the user's channel.
    [[nodiscard]] std::vector<std::string> parameters() const;

private:
    void check_choice(std::string_view parameter, const toml::node& given) const;

    toml::table document_;
    const toml::table* channel_ = nullptr;
};

}  // namespace drvbus::config

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <toml++/toml.h>

#include "config/document.hpp"

namespace drvbus::config {

/// The settings of channels for one kind of device. The file of a preset has a table [channel], in which "{PARAMETER}"
/// is replaced by the value of the user's channel, or else by the default in the table [parameters].
class Preset {
public:
    /// Reads NAME.toml in the folder.
    /// @param channel the user's table, with the key 'preset'
    /// @throws ConfigError
    Preset(const std::filesystem::path& folder, const std::string& name, const toml::table& channel);

    /// The settings, with the parameters replaced.
    [[nodiscard]] const toml::table& channel() const { return *channel_; }
    /// The names of the parameters, which are allowed as keys of the user's channel.
    [[nodiscard]] std::vector<std::string> parameters() const;

private:
    toml::table document_;
    const toml::table* channel_ = nullptr;
};

}  // namespace drvbus::config

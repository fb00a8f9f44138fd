// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <toml++/toml.h>

#include "config/document.hpp"

namespace drvbus::config {

/// Settings of a channel for the devices of one kind: the [channel] of a file, in which "{PARAMETER}" stands for what
/// a user says, or else for what its [parameters] has.
class Preset {
public:
    /// Looks for NAME.toml in the folder.
    /// @param channel of the user's, which names the preset
    /// @throws ConfigError
    Preset(const std::filesystem::path& folder, const std::string& name, const toml::table& channel);

    /// The settings, with the parameters in their places.
    [[nodiscard]] const toml::table& channel() const { return *channel_; }
    /// Keys of a channel that are the preset's alone.
    [[nodiscard]] std::vector<std::string> parameters() const;

private:
    toml::table document_;
    const toml::table* channel_ = nullptr;
};

}  // namespace drvbus::config

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

#include "device/description.hpp"
#include "format/format.hpp"
#include "notification/notification.hpp"

namespace drvbus {

/// What the configuration says of one channel.
struct ChannelConfig {
    std::optional<notification::Kind> notification;  ///< none: the first that works
    std::optional<format::Format> format;            ///< none: the driver's own
    /// A device that no drvbus driver stands behind: a path, or "fd:NAME" for an open file that the
    /// service manager passed. Empty: the settings of a channel of class drvbus.
    std::string device;
    device::Framing framing = device::Framing::records;

    [[nodiscard]] bool same_device(const ChannelConfig& other) const
    {
        return device == other.device && framing == other.framing;
    }
};

/// All that can be set. Every value has a default.
struct Config {
    std::string log_level = "info";  ///< "trace", "debug", "info", "warning" or "error"
    std::map<std::string, ChannelConfig, std::less<>> channels;

    /// Settings for the channel called `name`; defaults where the configuration has none.
    [[nodiscard]] ChannelConfig channel(const std::string& name) const;
};

/// The configuration is wrong. The text says where (file:line:column) and what would be right.
class ConfigError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Where the configuration is looked for: `file`, then the *.toml in `file`.d in the order of their
/// names. What comes later wins, key by key, and channel by channel by their names.
struct ConfigPath {
    std::filesystem::path file = "/etc/drvbus/drvbusd.toml";
    bool required = false;  ///< `file` has to be there
};

/// @throws ConfigError
[[nodiscard]] Config load_config(const ConfigPath& path);

/// Adds what the TOML document `text` says to `config`; `file` is for errors.
/// @throws ConfigError
void merge_config(Config& config, std::string_view text, const std::string& file);

/// [A-Za-z0-9_-]{1,31}, as the kernel has it.
[[nodiscard]] bool is_channel_name(std::string_view name) noexcept;

}  // namespace drvbus

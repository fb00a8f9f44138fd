// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "device/channel_settings.hpp"

namespace drvbus {

/// The configuration of the daemon. Every value has a default.
struct Config {
    std::string log_level = "info";  ///< "trace", "debug", "info", "warning" or "error"
    std::map<std::string, device::ChannelSettings, std::less<>> channels;  ///< by name

    /// Settings for the channel called `name`; the defaults if the configuration has none.
    [[nodiscard]] device::ChannelSettings channel(const std::string& name) const;
};

/// The configuration is wrong. The message begins with the file, followed by the line and the column if they are known,
/// and says what would be right.
class ConfigError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The files of the configuration: `file`, then `file`.d/*.toml in the order of their names. A key in a later file
/// replaces the same key in an earlier file. A [[channel]] in a later file replaces keys of the channel with the same
/// name.
struct ConfigPath {
    std::filesystem::path file = "/etc/drvbus/drvbusd.toml";
    bool required = false;            ///< it is an error if `file` does not exist
    std::filesystem::path presets{};  ///< directory with the presets; empty: the directory of the installation
};

/// Reads the configuration from its files.
/// @throws ConfigError
[[nodiscard]] Config load_config(const ConfigPath& path);

/// Merges TOML documents into a configuration.
class ConfigBuilder {
public:
    /// @param presets directory with the presets, as NAME.toml
    explicit ConfigBuilder(std::filesystem::path presets);
    ~ConfigBuilder();
    ConfigBuilder(const ConfigBuilder&) = delete;
    ConfigBuilder& operator=(const ConfigBuilder&) = delete;

    /// Adds a TOML document.
    /// @param file name of the file with the document, for error messages
    /// @throws ConfigError
    void add(std::string_view text, const std::string& file);

    /// The configuration of all documents that were added.
    /// @throws ConfigError
    [[nodiscard]] Config config() const;

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

/// Whether `name` matches [A-Za-z0-9_-]{1,31}, the rule of the kernel module.
[[nodiscard]] bool is_channel_name(std::string_view name) noexcept;

}  // namespace drvbus

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

/// All that can be set. Every value has a default.
struct Config {
    std::string log_level = "info";  ///< "trace", "debug", "info", "warning" or "error"
    std::map<std::string, device::ChannelSettings, std::less<>> channels;

    /// Settings for the channel called `name`; defaults where the configuration has none.
    [[nodiscard]] device::ChannelSettings channel(const std::string& name) const;
};

/// The configuration is wrong. The text says where (file:line:column) and what would be right.
class ConfigError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Where the configuration is looked for: `file`, then the *.toml in `file`.d in the order of their
/// names. What comes later wins, key by key, and channel by channel by their names.
struct ConfigPath {
    std::filesystem::path file = "/etc/drvbus/drvbusd.toml";
    bool required = false;            ///< `file` has to be there
    std::filesystem::path presets{};  ///< folder of NAME.toml; empty: where they are installed
};

/// @throws ConfigError
[[nodiscard]] Config load_config(const ConfigPath& path);

/// Makes a configuration of TOML documents, one after the other.
class ConfigBuilder {
public:
    /// @param presets folder of NAME.toml
    explicit ConfigBuilder(std::filesystem::path presets);
    ~ConfigBuilder();
    ConfigBuilder(const ConfigBuilder&) = delete;
    ConfigBuilder& operator=(const ConfigBuilder&) = delete;

    /// @param file for errors
    /// @throws ConfigError
    void add(std::string_view text, const std::string& file);

    /// What all of them say.
    /// @throws ConfigError
    [[nodiscard]] Config config() const;

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

/// [A-Za-z0-9_-]{1,31}, as the kernel has it.
[[nodiscard]] bool is_channel_name(std::string_view name) noexcept;

}  // namespace drvbus

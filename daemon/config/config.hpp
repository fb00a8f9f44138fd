// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "device/settings.hpp"
#include "format/format.hpp"
#include "notification/notification.hpp"

namespace drvbus {

/// What the configuration says of one channel.
struct ChannelConfig {
    std::optional<notification::Kind> notification;                   ///< none: the first that works
    std::optional<format::Format> format;                             ///< none: the driver's own
    std::optional<std::map<std::uint32_t, std::string>> event_names;  ///< by id; none: the driver's own
    /// A device that no drvbus driver stands behind. None: the settings of a channel of class drvbus.
    std::optional<device::Settings> device;
    std::string preset;             ///< where settings come from that are not said; empty: nowhere
    std::vector<std::string> unit;  ///< lines that the service's unit needs for it

    [[nodiscard]] bool same_device(const ChannelConfig& other) const
    {
        return device.has_value() == other.device.has_value() && (!device || device->hash == other.device->hash);
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

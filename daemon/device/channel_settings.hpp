// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "device/settings.hpp"
#include "format/format.hpp"
#include "notification/notification.hpp"

namespace drvbus::device {

/// The configuration of one channel. A default-constructed one is that of a channel of class drvbus which the
/// configuration does not mention.
struct ChannelSettings {
    std::optional<notification::Kind> notification;                   ///< none: the first kind that works
    std::optional<format::Format> format;                             ///< none: the driver's
    std::optional<std::map<std::uint32_t, std::string>> event_names;  ///< by id; none: the driver's
    std::optional<Settings> device;  ///< of a device whose driver does not use drvbus; none: class drvbus
    std::string preset;              ///< name of the preset that supplies missing settings; empty: none
    std::vector<std::string> unit;   ///< lines that the service's unit needs for this channel

    /// Whether both describe the same device, or both class drvbus.
    [[nodiscard]] bool same_device(const ChannelSettings& other) const
    {
        return device.has_value() == other.device.has_value() && (!device || device->hash == other.device->hash);
    }
};

}  // namespace drvbus::device

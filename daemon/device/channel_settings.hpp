// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "device/settings.hpp"
#include "format/format.hpp"
#include "notification/notification.hpp"

namespace drvbus::device {

/// The configuration of one channel. The default values are those of a channel that the configuration does not mention:
/// its device is of class drvbus.
struct ChannelSettings {
    std::optional<notification::Kind> notification;                   ///< none: the first kind that works
    std::optional<format::Format> format;                             ///< none: the driver's
    std::optional<std::map<std::uint32_t, std::string>> event_names;  ///< by id; none: the driver's
    std::string event;  ///< name of the events that `event_names` does not name; empty: the digits of their ids
    std::shared_ptr<const Settings> device;  ///< the configured device; null: the device is of class drvbus
    std::string preset;                      ///< name of the preset that supplies missing settings; empty: none
    std::vector<std::string> unit;           ///< settings for a drop-in of drvbusd.service, which only drvbusctl uses
};

}  // namespace drvbus::device

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "record/framing.hpp"

namespace drvbus::record {

/// A channel's device and its events. For a device of class drvbus it comes from sysfs, otherwise from the
/// configuration.
struct ChannelDescription {
    std::string name;
    std::string node;  ///< path, such as /dev/drvbus/heartbeat; "fd:NAME"; the match rule until the device is found
    bool is_drvbus_class = false;  ///< a device of class drvbus
    Framing framing;
    std::uint64_t settings_hash = 0;  ///< device::Settings::hash of a configured device; 0: class drvbus
    std::string format;               ///< that the driver set; empty: none
    std::map<std::uint32_t, std::string> event_names;  ///< that the driver set, by event id

    friend bool operator==(const ChannelDescription&, const ChannelDescription&) = default;
};

}  // namespace drvbus::record

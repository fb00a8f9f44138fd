// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "record/framing.hpp"

namespace drvbus::record {

/// What is known of a channel's device: from sysfs for one of class drvbus, else from the configuration.
struct ChannelDescription {
    std::string name;
    std::string node;  ///< such as /dev/drvbus/heartbeat; for others what the configuration names, or has found
    bool drvbus_class = false;
    Framing framing;
    std::uint64_t settings = 0;  ///< Settings::hash of what the configuration said of the device
    std::string format;
    std::map<std::uint32_t, std::string> event_names;

    friend bool operator==(const ChannelDescription&, const ChannelDescription&) = default;
};

}  // namespace drvbus::record

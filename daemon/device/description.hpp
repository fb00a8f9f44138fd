// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace drvbus::device {

/// How a device that is read as a stream marks off its events.
enum class Framing : std::uint8_t {
    records,  ///< struct drvbus_record, one after another
    raw,      ///< each read() gives one payload; numbered and timed here
};

/// What is known of a channel's device: from sysfs for one of class drvbus, else from the configuration.
struct Description {
    std::string name;
    std::string node;  ///< such as /dev/drvbus/heartbeat; for others the configuration's `device`
    bool drvbus_class = false;
    Framing framing = Framing::records;
    std::string format;
    std::map<std::uint32_t, std::string> event_names;

    friend bool operator==(const Description&, const Description&) = default;
};

}  // namespace drvbus::device

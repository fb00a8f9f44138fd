// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <systemd/sd-device.h>

#include "device/description.hpp"
#include "loop.hpp"

namespace drvbus::device {

/// Finds the channels of class drvbus: those that are there and those that come and go.
class Discovery {
public:
    using Added = std::function<void(const Description&)>;
    using Removed = std::function<void(const std::string& name)>;

    /// Calls back from the loop as channels come and go.
    Discovery(const Loop& loop, Added added, Removed removed);

    /// Calls `added` for those that are there now. One that comes meanwhile may be told twice.
    void enumerate() const;

private:
    void changed(sd_device* device) const;

    struct MonitorDeleter {
        void operator()(sd_device_monitor* monitor) const noexcept { sd_device_monitor_unref(monitor); }
    };

    Added added_;
    Removed removed_;
    std::unique_ptr<sd_device_monitor, MonitorDeleter> monitor_;
};

/// Parses sysfs's event_names: lines of "ID NAME". Lines that are not are left out.
[[nodiscard]] std::map<std::uint32_t, std::string> parse_event_names(const std::string& text);

/// The text of which `parse_event_names` makes `names`.
[[nodiscard]] std::string event_names_text(const std::map<std::uint32_t, std::string>& names);

}  // namespace drvbus::device

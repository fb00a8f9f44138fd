// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <systemd/sd-device.h>

namespace drvbus::device {

/// Selects a device by its properties instead of by the name of its node. All of them must match. The strings are
/// patterns of fnmatch(3), except the names of attributes and properties.
struct Match {
    std::string subsystem;                          ///< such as "input"; not empty
    std::string sysname;                            ///< such as "event*"; empty: any
    std::map<std::string, std::string> attributes;  ///< of sysfs, such as "device/name"; a device must have them
    std::map<std::string, std::string> properties;  ///< of udev, such as "ID_SERIAL_SHORT"; a device must have them

    friend bool operator==(const Match&, const Match&) = default;
};

/// Whether the device matches and has a node.
[[nodiscard]] bool matches(const Match& match, sd_device* device);

/// The nodes of all devices that match, in the order of their paths in sysfs.
/// @throws std::system_error if the devices cannot be enumerated
[[nodiscard]] std::vector<std::string> find(const Match& match);

/// The sysfs path of the device that is open as `fd`; empty if it is not a device node.
[[nodiscard]] std::string sysfs_path_of(int fd);

/// The match rule, for messages: `subsystem "input", attribute device/name "Power Button"`.
[[nodiscard]] std::string to_string(const Match& match);

}  // namespace drvbus::device

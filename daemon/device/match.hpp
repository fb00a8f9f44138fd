// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <systemd/sd-device.h>

namespace drvbus::device {

/// Which device is meant, whatever its node is called today. Texts are patterns as in fnmatch(3); all that are
/// given have to fit.
struct Match {
    std::string subsystem;                          ///< such as "input"; has to be given
    std::string sysname;                            ///< such as "event*"; empty: any
    std::map<std::string, std::string> attributes;  ///< of sysfs, such as "device/name"; a device without it fits not
    std::map<std::string, std::string> properties;  ///< of udev, such as "ID_SERIAL_SHORT"; likewise

    friend bool operator==(const Match&, const Match&) = default;
};

/// Whether the device has a node and is meant.
[[nodiscard]] bool fits(const Match& match, sd_device* device);

/// Nodes of the devices that are there and are meant, in the order of their places in sysfs.
/// @throws std::system_error where they cannot be looked at
[[nodiscard]] std::vector<std::string> find(const Match& match);

/// The folder in sysfs of the device that is open as `fd`; empty where it is none of the kernel's.
[[nodiscard]] std::string sysfs_path_of(int fd);

/// In words: `subsystem "input", attribute device/name "Power Button"`.
[[nodiscard]] std::string to_string(const Match& match);

}  // namespace drvbus::device

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <systemd/sd-device.h>

namespace drvbus::device {

/// Selects a device by its properties instead of by the name of its node. All of them must match. Each value is the
/// exact text, or, if it begins with "glob:", a pattern of fnmatch(3). The names of attributes and properties are
/// exact.
struct Match {
    std::string subsystem;                          ///< such as "input"; not empty
    std::string sysname;                            ///< such as "glob:event*"; empty: any
    std::map<std::string, std::string> attributes;  ///< of sysfs, such as "device/name"; a device must have them
    std::map<std::string, std::string> properties;  ///< of udev, such as "ID_SERIAL_SHORT"; a device must have them

    friend bool operator==(const Match&, const Match&) = default;
};

/// The prefix of a value that is a pattern.
inline constexpr std::string_view kGlob = "glob:";

/// Whether a device with the property `value` has what a match rule demands with `wanted`.
[[nodiscard]] bool value_matches(std::string_view wanted, const std::string& value);

/// The correction if `wanted` only fails to match `value` because it is read as the exact text, or as a pattern: what
/// has to be written instead. Empty if it matches, or if the other reading does not match either.
[[nodiscard]] std::string corrected(std::string_view wanted, const std::string& value);

/// A pattern of fnmatch(3) that matches only `text`.
[[nodiscard]] std::string literal_pattern(std::string_view text);

/// Whether the device matches and has a node.
[[nodiscard]] bool matches(const Match& match, sd_device* device);

/// The nodes of all devices that match, in the order of their paths in sysfs.
/// @throws std::system_error if the devices cannot be enumerated
[[nodiscard]] std::vector<std::string> find(const Match& match);

/// Advice for a match rule that matches no device: names a device that would match if a value were a pattern, or were
/// not one, and says how to write it. Empty if there is no such device.
/// @throws std::system_error if the devices cannot be enumerated
[[nodiscard]] std::string advice(const Match& match);

/// The sysfs path of the device that is open as `fd`; empty if it is not a device node.
[[nodiscard]] std::string sysfs_path_of(int fd);

/// The match rule, for messages: `subsystem "input", attribute device/name "Power Button"`.
[[nodiscard]] std::string to_string(const Match& match);

}  // namespace drvbus::device

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>

#include "cli/device_info.hpp"

namespace drvbus::cli {

/// The users besides root that the mode of a file allows to read it, or to connect to it. `owner`: only the owner, or
/// group root.
enum class AllowedUsers : std::uint8_t { all, group, owner };

/// @param write whether they must be allowed to write, too
[[nodiscard]] AllowedUsers allowed_users(const DeviceInfo& info, bool write);

/// Name of a group or user; its number if it has no name.
[[nodiscard]] std::string group_name(gid_t group);
[[nodiscard]] std::string user_name(uid_t user);

/// `root:input, mode 0660`
[[nodiscard]] std::string ownership(const DeviceInfo& info);

/// A udev rule that allows group drvbus to use the device; empty if udev does not manage it.
[[nodiscard]] std::string udev_rule(const DeviceInfo& info, bool write);

/// What to do if the process was denied access (EACCES, EPERM).
[[nodiscard]] std::string access_advice(const DeviceInfo& info, bool write);

/// What to do if the mode of the file denies access to the user of the service; empty if it allows access. For root
/// only: another user gets an empty string.
[[nodiscard]] std::string service_access_note(const DeviceInfo& info, bool write);

}  // namespace drvbus::cli

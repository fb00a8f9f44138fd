// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>

#include "cli/device_info.hpp"

namespace drvbus::cli {

/// Who, but for root, has the rights on a file that its mode gives.
enum class Granted : std::uint8_t { all, group, nobody };

/// @param write, too
[[nodiscard]] Granted granted(const Identity& identity, bool write);

[[nodiscard]] std::string group_name(gid_t group);
[[nodiscard]] std::string user_name(uid_t user);

/// `root:input, mode 0660`
[[nodiscard]] std::string ownership(const Identity& identity);

/// A rule for udev that gives the node to group drvbus; empty where udev has no hand in it.
[[nodiscard]] std::string udev_rule(const Identity& identity, bool write);

/// What gives the rights to who has not got them.
[[nodiscard]] std::string permission_advice(const Identity& identity, bool write);

/// Where root may, and the service's user by the mode alone may not: what to do. Else empty.
[[nodiscard]] std::string service_note(const Identity& identity, bool write);

}  // namespace drvbus::cli

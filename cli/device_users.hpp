// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "cli/device_info.hpp"

namespace drvbus::cli {

/// The processes that have a device open.
struct DeviceUsers {
    std::string names;  ///< of the processes, for the user, as far as this user may see them
    bool includes_drvbusd = false;
};

[[nodiscard]] DeviceUsers find_device_users(const DeviceInfo& info);

}  // namespace drvbus::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "cli/device_info.hpp"

namespace drvbus::cli {

/// The processes that have a device open.
struct DeviceUsers {
    std::string names;  ///< for a message: the names of those processes that the user may see
    bool includes_drvbusd = false;
};

[[nodiscard]] DeviceUsers find_device_users(const DeviceInfo& info);

}  // namespace drvbus::cli

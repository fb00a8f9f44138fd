// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Names of drvbusd on the bus; dbus/org.drvbus1.xml describes them.
#pragma once

#include <cstdlib>
#include <new>
#include <string>

#include <systemd/sd-bus.h>

namespace drvbus::client {

inline constexpr const char* kServiceName = "org.drvbus1";
inline constexpr const char* kManagerPath = "/org/drvbus1";
inline constexpr const char* kChannelInterface = "org.drvbus1.Channel";

/// Object path of the channel `name`. The channel need not exist.
/// @throws std::bad_alloc
inline std::string channel_path(const std::string& name)
{
    char* path = nullptr;
    if (sd_bus_path_encode("/org/drvbus1/channel", name.c_str(), &path) < 0)
        throw std::bad_alloc();
    std::string result(path);
    std::free(path);
    return result;
}

}  // namespace drvbus::client

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The differences between sdbus-c++ 1 (Debian 12) and sdbus-c++ 2 (Debian 13) that matter to drvbus, in one place.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <sdbus-c++/sdbus-c++.h>
#include <systemd/sd-bus.h>

#include <drvbus/version.hpp>

#if __has_include(<sdbus-c++/VTableItems.h>)  // since 2.0
#define DRVBUS_SDBUS_2 1
#else
#define DRVBUS_SDBUS_2 0
#endif

#if DRVBUS_SDBUS_2 != (DRVBUS_CLIENT_SDBUS_MAJOR >= 2)
#error "the installed libdrvbus was built for another major version of sdbus-c++"
#endif

namespace drvbus::client {

/// Names have types of their own in sdbus-c++ 2, and are strings in sdbus-c++ 1. `MaybeError` is the type of the error
/// that the callback of an asynchronous call gets; it converts to bool, true if the call failed.
#if DRVBUS_SDBUS_2
using ServiceName = sdbus::ServiceName;
using MaybeError = std::optional<sdbus::Error>;
#else
using ServiceName = std::string;
using MaybeError = const sdbus::Error*;
#endif

/// A connection of sdbus-c++ and the sd-bus connection that it owns.
struct OpenedBus {
    std::unique_ptr<sdbus::IConnection> connection;
    sd_bus* handle;  ///< valid as long as `connection`
};

/// Connects to the system bus, or to the session bus if `system` is false.
/// @throws sdbus::Error if there is no such bus, or it refuses the connection
inline OpenedBus open_bus(bool system)
{
#if DRVBUS_SDBUS_2
    sd_bus* handle = nullptr;
    const int result = system ? sd_bus_open_system(&handle) : sd_bus_open_user(&handle);
    if (result < 0)
        throw sdbus::createError(-result, "Failed to open bus");
    return {sdbus::createBusConnection(handle), handle};
#else
    // sdbus-c++ 1 neither accepts an sd_bus nor returns its own. Each message refers to it, in a protected member.
    struct Access : sdbus::Message {
        static void* of(sdbus::Message& message) { return message.*(&Access::msg_); }
    };
    auto connection = system ? sdbus::createSystemBusConnection() : sdbus::createSessionBusConnection();
    const auto object = sdbus::createObject(*connection, "/");
    sdbus::Signal signal = object->createSignal("org.freedesktop.DBus.Peer", "None");
    sd_bus* const handle = sd_bus_message_get_bus(static_cast<sd_bus_message*>(Access::of(signal)));
    return {std::move(connection), handle};
#endif
}

}  // namespace drvbus::client

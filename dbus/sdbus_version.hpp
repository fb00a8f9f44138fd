// SPDX-License-Identifier: LGPL-2.1-or-later
//
// sdbus-c++ 1 (Debian 12) and 2 (Debian 13) differ in the types of names. Whatever depends on that
// difference is here, for the daemon, the tests and the examples.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sdbus-c++/sdbus-c++.h>
#include <systemd/sd-bus.h>

namespace drvbus::bus {

#if __has_include(<sdbus-c++/VTableItems.h>)  // came with 2.0
#define DRVBUS_SDBUS_2 1
using ServiceName = sdbus::ServiceName;
using InterfaceName = sdbus::InterfaceName;
using PropertyName = sdbus::PropertyName;
using ErrorName = sdbus::Error::Name;
using MaybeError = std::optional<sdbus::Error>;
#else
#define DRVBUS_SDBUS_2 0
using ServiceName = std::string;
using InterfaceName = std::string;
using PropertyName = std::string;
using ErrorName = std::string;
using MaybeError = const sdbus::Error*;
#endif

/// The error a method call is answered with.
inline sdbus::Error make_error(const char* name, const std::string& message)
{
    return sdbus::Error(ErrorName(name), message);
}

/// A connection, and the sd-bus connection inside of it.
struct Opened {
    std::unique_ptr<sdbus::IConnection> connection;
    sd_bus* handle;
};

/// Connects to the system bus or the session bus.
inline Opened open_bus(bool system)
{
#if DRVBUS_SDBUS_2
    sd_bus* handle = nullptr;
    const int result = system ? sd_bus_open_system(&handle) : sd_bus_open_user(&handle);
    if (result < 0)
        throw sdbus::createError(-result, "Failed to open bus");
    return {sdbus::createBusConnection(handle), handle};
#else
    // It takes no sd_bus and hands none out, but its messages know theirs.
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

}  // namespace drvbus::bus

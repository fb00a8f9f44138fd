// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A connection to the bus in the sd-event loop of the caller.
#pragma once

#include <cstdint>
#include <string>

#include <sdbus-c++/sdbus-c++.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include <drvbus/names.hpp>
#include <drvbus/sdbus_compat.hpp>

namespace drvbus::client {

enum class Bus : std::uint8_t { system, session };

/// A connection to the bus, served by an sd-event loop. It does not reconnect. All functions are called in the thread
/// of the loop, which must outlive the connection.
class Connection {
public:
    /// Signals and replies are dispatched with SD_EVENT_PRIORITY_NORMAL.
    /// @throws sdbus::Error if the connection fails
    explicit Connection(sd_event* loop, Bus bus = Bus::system) : bus_(open_bus(bus == Bus::system))
    {
        const int result = sd_bus_attach_event(bus_.handle, loop, SD_EVENT_PRIORITY_NORMAL);
        if (result < 0)
            throw sdbus::createError(-result, "Failed to attach the bus connection to the event loop");
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() { sd_bus_detach_event(bus_.handle); }

    /// False once the bus has closed the connection.
    [[nodiscard]] bool is_open() const { return sd_bus_is_open(bus_.handle) > 0; }

    /// For proxies; valid as long as this object.
    [[nodiscard]] sdbus::IConnection& sdbus() { return *bus_.connection; }

    /// Release of the running drvbusd, such as "0.1.0". Starts the service if it is not running.
    /// @throws sdbus::Error if the service does not reply
    [[nodiscard]] std::string daemon_version()
    {
        const auto manager =
            sdbus::createProxy(*bus_.connection, ServiceName(kServiceName), sdbus::ObjectPath(kManagerPath));
        return manager->getProperty("Version").onInterface("org.drvbus1.Manager").get<std::string>();
    }

private:
    OpenedBus bus_;
};

}  // namespace drvbus::client

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/connection.hpp"

#include <cerrno>
#include <stdexcept>

#include <fmt/format.h>

namespace drvbus::bus {

namespace {

Opened open(Which which, const char* name_of_bus)
{
    try {
        return open_bus(which == Which::system);
    } catch (const sdbus::Error& error) {
        const char* const advice = which == Which::system ? "is dbus.service running? (systemctl status dbus)"
                                                          : "is DBUS_SESSION_BUS_ADDRESS set, and its bus running?";
        throw std::runtime_error(fmt::format("no {} bus: {}; {}", name_of_bus, error.getMessage(), advice));
    }
}

}  // namespace

Connection::Connection(Loop& loop, Which which)
    : name_of_bus_(which == Which::system ? "system" : "session"), bus_(open(which, name_of_bus_))
{
    check(sd_bus_attach_event(bus_.handle, loop.get(), static_cast<int>(Loop::Priority::normal)),
          "sd_bus_attach_event");
    // Without the bus there is nobody to publish to; the service manager starts anew.
    check(sd_bus_set_exit_on_disconnect(bus_.handle, true), "sd_bus_set_exit_on_disconnect");
    after_io_ = loop.after_each(Loop::Priority::normal, [this] { check_writable(); });
}

Connection::~Connection()
{
    // What was published is committed already, so it must not stay behind in the queue.
    sd_bus_flush(bus_.handle);
    sd_bus_detach_event(bus_.handle);
}

void Connection::request_name()
{
    const int result = sd_bus_request_name(bus_.handle, kServiceName, 0);
    if (result == -EEXIST || result == -EALREADY)
        throw std::runtime_error(fmt::format("the name {} is taken on the {} bus: another drvbusd is running; "
                                             "stop it first (systemctl stop drvbusd)",
                                             kServiceName, name_of_bus_));
    if (result == -EACCES || result == -EPERM)
        throw std::runtime_error(fmt::format("the {} bus does not let this user own {}: run drvbusd as the user "
                                             "drvbus, and install its policy (share/dbus-1/system.d/{}.conf)",
                                             name_of_bus_, kServiceName, kServiceName));
    check(result, "requesting the name org.drvbus1");
}

bool Connection::writable()
{
    std::uint64_t queued = 0;
    check(sd_bus_get_n_queued_write(bus_.handle, &queued), "sd_bus_get_n_queued_write");
    if (queued > 0)
        after_io_.enable(true);
    return queued == 0;
}

void Connection::check_writable()
{
    if (!writable())
        return;
    after_io_.enable(false);
    if (on_writable_)
        on_writable_();
}

}  // namespace drvbus::bus

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace drvbus::bus {

namespace {

constexpr std::chrono::milliseconds kFirstRetry{50};
constexpr std::chrono::milliseconds kLastRetry{5000};

// What sd-bus tells its own process when the other side has gone.
constexpr const char* kDisconnected = "type='signal',path='/org/freedesktop/DBus/Local',"
                                      "interface='org.freedesktop.DBus.Local',member='Disconnected'";

// Answers that wait to be written. The bus gives up a caller that reads none long before.
constexpr std::uint64_t kMostQueued = 32;

/// Calls that come faster than the bus takes the answers get a short one, and then none: nobody's calls fill
/// the memory.
int refuse_too_many(sd_bus_message* call, void* /*connection*/, sd_bus_error* /*error*/) noexcept
{
    std::uint64_t queued = 0;
    if (sd_bus_message_is_method_call(call, nullptr, nullptr) <= 0 ||
        sd_bus_get_n_queued_write(sd_bus_message_get_bus(call), &queued) < 0 || queued <= kMostQueued)
        return 0;
    if (queued <= 8 * kMostQueued)
        (void)sd_bus_reply_method_errorf(call, "org.drvbus1.Error.Busy",
                                         "the bus is slow, and answers wait for it already; ask again later");
    return 1;
}

const char* name_of(Which which)
{
    return which == Which::system ? "system" : "session";
}

Opened open_or_advise(Which which)
{
    try {
        return open_bus(which == Which::system);
    } catch (const sdbus::Error& error) {
        const char* const advice = which == Which::system ? "is dbus.service running? (systemctl status dbus)"
                                                          : "is DBUS_SESSION_BUS_ADDRESS set, and its bus running?";
        throw std::runtime_error(fmt::format("no {} bus: {}; {}", name_of(which), error.getMessage(), advice));
    }
}

}  // namespace

Connection::Connection(Loop& loop, Which which, Callbacks callbacks)
    : loop_(loop), which_(which), callbacks_(std::move(callbacks)), bus_(open_or_advise(which)),
      retry_after_(kFirstRetry), after_io_(loop.after_each(Loop::Priority::normal, [this] { check_writable(); })),
      retry_(loop.timer(Loop::Priority::normal, [this] { probe(); })),
      broken_(loop.deferred(Loop::Priority::normal, [this] { on_disconnected(); })),
      probed_(loop.deferred(Loop::Priority::normal, [this] { probed(); })),
      name_answered_(loop.deferred(Loop::Priority::normal, [this] { go_on(); }))
{
    attach();
    if (const int result = sd_bus_request_name(bus_->handle, kServiceName, 0); result < 0)
        throw std::runtime_error(no_name(-result));
    up_ = true;
}

Connection::~Connection()
{
    // Else closing it would wait for a bus that takes nothing. The channels go on behind what it has taken.
    if (up_ && queued() > 0)
        sd_bus_close(bus_->handle);
    detach();
}

void Connection::attach()
{
    // The end of the loop must not wait for a bus that takes nothing; see the destructor.
    check(sd_bus_set_close_on_exit(bus_->handle, false), "sd_bus_set_close_on_exit");
    check(sd_bus_attach_event(bus_->handle, loop_.get(), static_cast<int>(Loop::Priority::normal)),
          "sd_bus_attach_event");
    const auto told = [](sd_bus_message*, void* self, sd_bus_error*) noexcept {
        static_cast<const Connection*>(self)->broken();
        return 0;
    };
    check(sd_bus_add_match(bus_->handle, nullptr, kDisconnected, told, this), "sd_bus_add_match");
    check(sd_bus_add_filter(bus_->handle, nullptr, refuse_too_many, this), "sd_bus_add_filter");
}

void Connection::detach()
{
    if (bus_)
        sd_bus_detach_event(bus_->handle);
    bus_.reset();
}

void Connection::broken() const
{
    broken_.request();
}

void Connection::on_disconnected()
{
    if (up_) {
        spdlog::warn("the {} bus is gone; waiting for it to come back", name_of(which_));
        up_ = false;
        callbacks_.lost();
    }
    detach();
    retry_later();
}

void Connection::retry_later()
{
    Loop::start(retry_, retry_after_);
    retry_after_ = std::min(retry_after_ * 2, kLastRetry);
}

/// sdbus-c++ waits for the bus's answer when it connects, and a bus that takes connections without answering, as
/// one that is being started does, would stop the loop. So sd-bus asks first, on a connection of its own.
void Connection::probe()
{
    const auto answered = [](sd_bus_message* answer, void* self, sd_bus_error*) noexcept {
        auto* const connection = static_cast<Connection*>(self);
        connection->probe_error_ = sd_bus_message_get_errno(answer);
        connection->probed_.request();  // not within a callback of what ends with it
        return 0;
    };
    sd_bus* opened = nullptr;
    int result = which_ == Which::system ? sd_bus_open_system(&opened) : sd_bus_open_user(&opened);
    probe_.reset(opened);
    if (result >= 0)
        result = sd_bus_attach_event(opened, loop_.get(), static_cast<int>(Loop::Priority::normal));
    if (result >= 0)
        result = sd_bus_call_method_async(opened, nullptr, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                          "org.freedesktop.DBus", "GetId", answered, this, nullptr);
    if (result < 0)
        not_yet(std::strerror(-result));
}

void Connection::probed()
{
    probe_.reset();
    if (probe_error_ == 0)
        reconnect();
    else
        not_yet(std::strerror(probe_error_));
}

void Connection::not_yet(const char* reason)
{
    spdlog::debug("no {} bus yet: {}", name_of(which_), reason);
    detach();
    retry_later();
}

void Connection::reconnect()
{
    try {
        bus_ = open_bus(which_ == Which::system);
        attach();
    } catch (const std::exception& error) {
        not_yet(error.what());
        return;
    }
    // Without waiting for the answer: a bus that takes connections and then stands still must not stop the loop.
    const auto answered = [](sd_bus_message* answer, void* self, sd_bus_error*) noexcept {
        static_cast<Connection*>(self)->name_answered(answer);
        return 0;
    };
    if (sd_bus_request_name_async(bus_->handle, nullptr, kServiceName, 0, answered, this) < 0)
        broken();
}

void Connection::name_answered(sd_bus_message* answer)
{
    // RequestName in the D-Bus specification: 1 is "primary owner".
    std::uint32_t code = 0;
    name_error_ = sd_bus_message_get_errno(answer);
    if (name_error_ == 0 && (sd_bus_message_read_basic(answer, 'u', &code) < 0 || code != 1))
        name_error_ = EEXIST;
    name_answered_.request();  // what is to be done may throw, which must not pass through libsystemd
}

void Connection::go_on()
{
    if (!bus_ || up_)
        return;
    if (name_error_ == EEXIST || name_error_ == EACCES || name_error_ == EPERM)
        throw std::runtime_error(no_name(name_error_));
    if (name_error_ != 0) {
        on_disconnected();
        return;
    }
    spdlog::info("the {} bus is back", name_of(which_));
    up_ = true;
    retry_after_ = kFirstRetry;
    callbacks_.back();
}

std::string Connection::no_name(int error) const
{
    if (error == EEXIST || error == EALREADY)
        return fmt::format("the name {} is taken on the {} bus: another drvbusd is running; stop it first "
                           "(systemctl stop drvbusd)",
                           kServiceName, name_of(which_));
    if (error == EACCES || error == EPERM)
        return fmt::format("the {} bus does not let this user own {}: run drvbusd as the user drvbus, and install "
                           "its policy (share/dbus-1/system.d/{}.conf)",
                           name_of(which_), kServiceName, kServiceName);
    return fmt::format("requesting the name {}: {}", kServiceName, std::strerror(error));
}

bool Connection::writable()
{
    // One that has just been closed has nothing queued, because it has thrown that away.
    if (!up_ || sd_bus_is_open(bus_->handle) <= 0)
        return false;
    if (queued() == 0)
        return true;
    after_io_.enable(true);
    return false;
}

std::uint64_t Connection::queued() const
{
    std::uint64_t messages = 0;
    check(sd_bus_get_n_queued_write(bus_->handle, &messages), "sd_bus_get_n_queued_write");
    return messages;
}

void Connection::check_writable()
{
    if (up_ && !writable())
        return;
    after_io_.enable(false);
    if (up_)
        callbacks_.writable();
}

}  // namespace drvbus::bus

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "base/errno.hpp"

namespace drvbus::bus {

namespace {

constexpr std::chrono::milliseconds kFirstRetry{50};
constexpr std::chrono::milliseconds kLastRetry{5000};

// The signal that sd-bus delivers locally when the connection is closed.
constexpr const char* kDisconnected = "type='signal',path='/org/freedesktop/DBus/Local',"
                                      "interface='org.freedesktop.DBus.Local',member='Disconnected'";

// Replies that may wait to be written. The bus disconnects a caller that reads no replies long before there are so
// many.
constexpr std::uint64_t kMaxQueued = 32;

/// Limits the memory that callers can make the daemon use: while the bus does not take the replies, further calls get a
/// short error, and then no reply.
int refuse_too_many(sd_bus_message* call, void* /*connection*/, sd_bus_error* /*error*/) noexcept
{
    std::uint64_t queued = 0;
    if (sd_bus_message_is_method_call(call, nullptr, nullptr) <= 0 ||
        sd_bus_get_n_queued_write(sd_bus_message_get_bus(call), &queued) < 0 || queued <= kMaxQueued)
        return 0;
    if (queued <= 8 * kMaxQueued)
        (void)sd_bus_reply_method_errorf(call, "org.drvbus1.Error.Busy",
                                         "too many replies are waiting to be written to the bus; call again later");
    return 1;
}

const char* name_of(BusType type)
{
    return type == BusType::system ? "system" : "session";
}

Opened open_or_advise(BusType type)
{
    try {
        return open_bus(type == BusType::system);
    } catch (const sdbus::Error& error) {
        const char* const advice = type == BusType::system ? "is dbus.service running? (systemctl status dbus)"
                                                           : "is DBUS_SESSION_BUS_ADDRESS set, and its bus running?";
        throw std::runtime_error(fmt::format("no {} bus: {}; {}", name_of(type), error.getMessage(), advice));
    }
}

}  // namespace

Connection::Connection(EventLoop& loop, BusType type, Callbacks callbacks)
    : loop_(loop), type_(type), callbacks_(std::move(callbacks)), bus_(open_or_advise(type)), retry_after_(kFirstRetry),
      after_io_(loop.after_each(EventLoop::Priority::normal, [this] { check_writable(); })),
      retry_(loop.timer(EventLoop::Priority::normal, [this] { probe(); })),
      broken_(loop.deferred(EventLoop::Priority::normal, [this] { on_disconnected(); })),
      probe_answered_(loop.deferred(EventLoop::Priority::normal, [this] { on_probe_answered(); })),
      name_replied_(loop.deferred(EventLoop::Priority::normal, [this] { on_name_acquired(); }))
{
    attach();
    if (const int result = sd_bus_request_name(bus_->handle, kServiceName, 0); result < 0)
        throw std::runtime_error(name_error_text(-result));
    connected_ = true;
}

Connection::~Connection()
{
    // Flushing would block if the bus takes no messages. What it has not taken is not committed, so the next process
    // publishes it.
    if (connected_ && queued() > 0)
        sd_bus_close(bus_->handle);
    detach();
}

void Connection::attach()
{
    // The end of the event loop must not flush either; see the destructor.
    check(sd_bus_set_close_on_exit(bus_->handle, false), "sd_bus_set_close_on_exit");
    check(sd_bus_attach_event(bus_->handle, loop_.get(), static_cast<int>(EventLoop::Priority::normal)),
          "sd_bus_attach_event");
    const auto on_local_disconnected = [](sd_bus_message*, void* self, sd_bus_error*) noexcept {
        static_cast<const Connection*>(self)->report_broken();
        return 0;
    };
    check(sd_bus_add_match(bus_->handle, nullptr, kDisconnected, on_local_disconnected, this), "sd_bus_add_match");
    check(sd_bus_add_filter(bus_->handle, nullptr, refuse_too_many, this), "sd_bus_add_filter");
}

void Connection::detach()
{
    if (bus_)
        sd_bus_detach_event(bus_->handle);
    bus_.reset();
}

void Connection::report_broken() const
{
    broken_.request();
}

void Connection::on_disconnected()
{
    if (connected_) {
        spdlog::warn("the connection to the {} bus broke; waiting for the bus", name_of(type_));
        connected_ = false;
        callbacks_.disconnected();
    }
    detach();
    schedule_retry();
}

void Connection::schedule_retry()
{
    EventLoop::start(retry_, retry_after_);
    retry_after_ = std::min(retry_after_ * 2, kLastRetry);
}

/// sdbus-c++ blocks until the bus answers its Hello. A bus that accepts connections but does not answer yet, as while
/// it is starting, would block the event loop. So an asynchronous call on a connection of its own comes first.
void Connection::probe()
{
    const auto answered = [](sd_bus_message* answer, void* self, sd_bus_error*) noexcept {
        auto* const connection = static_cast<Connection*>(self);
        connection->probe_error_ = sd_bus_message_get_errno(answer);
        connection->probe_answered_.request();  // this callback must not close the connection that runs it
        return 0;
    };
    sd_bus* opened = nullptr;
    int result = type_ == BusType::system ? sd_bus_open_system(&opened) : sd_bus_open_user(&opened);
    probe_.reset(opened);
    if (result >= 0)
        result = sd_bus_attach_event(opened, loop_.get(), static_cast<int>(EventLoop::Priority::normal));
    if (result >= 0)
        result = sd_bus_call_method_async(opened, nullptr, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                          "org.freedesktop.DBus", "GetId", answered, this, nullptr);
    if (result < 0)
        retry_connect(std::strerror(-result));
}

void Connection::on_probe_answered()
{
    probe_.reset();
    if (probe_error_ == 0)
        reconnect();
    else
        retry_connect(std::strerror(probe_error_));
}

void Connection::retry_connect(const char* reason)
{
    spdlog::debug("no {} bus yet, trying again: {}", name_of(type_), reason);
    detach();
    schedule_retry();
}

void Connection::reconnect()
{
    try {
        bus_ = open_bus(type_ == BusType::system);
        attach();
    } catch (const std::exception& error) {
        retry_connect(error.what());
        return;
    }
    // Asynchronous, for the same reason as in probe().
    const auto answered = [](sd_bus_message* answer, void* self, sd_bus_error*) noexcept {
        static_cast<Connection*>(self)->on_name_reply(answer);
        return 0;
    };
    if (sd_bus_request_name_async(bus_->handle, nullptr, kServiceName, 0, answered, this) < 0)
        report_broken();
}

void Connection::on_name_reply(sd_bus_message* reply)
{
    // RequestName in the D-Bus specification: 1 is "primary owner".
    std::uint32_t code = 0;
    name_error_ = sd_bus_message_get_errno(reply);
    if (name_error_ == 0 && (sd_bus_message_read_basic(reply, 'u', &code) < 0 || code != 1))
        name_error_ = EEXIST;
    name_replied_.request();  // on_name_acquired() may throw, which must not pass through libsystemd
}

void Connection::on_name_acquired()
{
    if (!bus_ || connected_)
        return;
    if (name_error_ == EEXIST || name_error_ == EACCES || name_error_ == EPERM)
        throw std::runtime_error(name_error_text(name_error_));
    if (name_error_ != 0) {
        on_disconnected();
        return;
    }
    spdlog::info("connected to the {} bus again", name_of(type_));
    connected_ = true;
    retry_after_ = kFirstRetry;
    callbacks_.connected();
}

std::string Connection::name_error_text(int error) const
{
    if (error == EEXIST || error == EALREADY)
        return fmt::format("the name {} is taken on the {} bus: another drvbusd is running; stop it first "
                           "(systemctl stop drvbusd)",
                           kServiceName, name_of(type_));
    if (error == EACCES || error == EPERM)
        return fmt::format("the {} bus does not let this user own {}: run drvbusd as the user drvbus, and install "
                           "its policy (share/dbus-1/system.d/{}.conf)",
                           name_of(type_), kServiceName, kServiceName);
    return fmt::format("requesting the name {}: {}", kServiceName, std::strerror(error));
}

bool Connection::writable()
{
    // A closed connection has an empty queue too: it discarded its messages.
    if (!connected_ || sd_bus_is_open(bus_->handle) <= 0)
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
    if (connected_ && !writable())
        return;
    after_io_.enable(false);
    if (connected_)
        callbacks_.writable();
}

}  // namespace drvbus::bus

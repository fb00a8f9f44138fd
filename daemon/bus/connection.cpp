// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sysexits.h>

#include "base/errno.hpp"

namespace drvbus::bus {

namespace {

constexpr std::chrono::milliseconds kMinRetryDelay{50};
constexpr std::chrono::milliseconds kMaxRetryDelay{5000};

// Size of the send buffer of the socket. As root, sd-bus makes it 16 MiB. An event would then have to wait until the
// bus has read as many bytes of replies.
constexpr int kSendBuffer = 524288;

// Matches the signal that sd-bus itself delivers when the connection is closed.
constexpr const char* kDisconnectedMatch = "type='signal',path='/org/freedesktop/DBus/Local',"
                                           "interface='org.freedesktop.DBus.Local',member='Disconnected'";

const char* name_of(BusType type)
{
    return type == BusType::system ? "system" : "session";
}

OpenedBus open_bus_for_daemon(BusType type)
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

Connection::Connection(EventLoop& loop, BusType type, Start start, Callbacks callbacks)
    : loop_(loop), log_(loop), type_(type), start_(start), callbacks_(std::move(callbacks)), calls_(loop),
      retry_delay_(kMinRetryDelay),
      after_each_(loop.after_each(EventLoop::Priority::normal, [this] { check_flushed(); })),
      retry_(loop.timer(EventLoop::Priority::normal, [this] { probe(); })),
      disconnect_call_(loop.deferred(EventLoop::Priority::normal, [this] { on_disconnected(); })),
      probe_reply_call_(loop.deferred(EventLoop::Priority::normal, [this] { on_probe_reply(); })),
      name_reply_call_(loop.deferred(EventLoop::Priority::normal, [this] { finish_reconnect(); }))
{
    try {
        bus_ = open_bus_for_daemon(type);
    } catch (const std::runtime_error& error) {
        if (start == Start::fresh)
            throw;
        spdlog::warn("{}; waiting for the bus", error.what());
        schedule_retry();
        return;
    }
    attach();
    check_name_is_free();
    connected_ = true;
}

Connection::~Connection()
{
    // Flushing would block if the bus accepts no messages. The events in the queue are not committed, so the next
    // process publishes them.
    std::uint64_t queued = 0;
    if (connected_ && (sd_bus_get_n_queued_write(bus_->handle, &queued) < 0 || queued > 0))
        sd_bus_close(bus_->handle);
    detach();
}

void Connection::attach()
{
    // By default, sd-bus flushes the connection when the event loop exits. That may block, as the destructor explains.
    check(sd_bus_set_close_on_exit(bus_->handle, false), "sd_bus_set_close_on_exit");
    check(sd_bus_attach_event(bus_->handle, loop_.get(), static_cast<int>(EventLoop::Priority::normal)),
          "sd_bus_attach_event");
    const auto on_local_disconnected = [](sd_bus_message*, void* self, sd_bus_error*) noexcept {
        static_cast<const Connection*>(self)->report_broken();
        return 0;
    };
    check(sd_bus_add_match(bus_->handle, nullptr, kDisconnectedMatch, on_local_disconnected, this), "sd_bus_add_match");
    const int fd = check(sd_bus_get_fd(bus_->handle), "sd_bus_get_fd");
    check(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof(kSendBuffer)) == 0 ? 0 : -errno, "SO_SNDBUF");
    calls_.attach(bus_->handle);
}

/// Fails early if another daemon runs: later, both would have opened the same devices.
void Connection::check_name_is_free()
{
    sd_bus_message* reply = nullptr;
    int owned = 0;
    int result = sd_bus_call_method(bus_->handle, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                    "org.freedesktop.DBus", "NameHasOwner", nullptr, &reply, "s", kServiceName);
    if (result >= 0)
        result = sd_bus_message_read_basic(reply, 'b', &owned);
    sd_bus_message_unref(reply);
    if (result < 0)
        throw name_error(-result);
    if (owned != 0)
        throw name_error(EEXIST);
}

void Connection::request_name()
{
    if (!connected_)
        return;
    if (const int result = sd_bus_request_name(bus_->handle, kServiceName, 0); result < 0)
        throw name_error(-result);
    owns_name_ = true;
    start_ = Start::continued;  // from now on, this process has open devices
}

void Connection::detach()
{
    calls_.detach();
    if (bus_)
        sd_bus_detach_event(bus_->handle);
    bus_.reset();
}

void Connection::report_broken() const
{
    disconnect_call_.request();
}

void Connection::on_disconnected()
{
    if (connected_) {
        log_.write("connections to the bus that broke", spdlog::level::warn,
                   fmt::format("the connection to the {} bus broke; waiting for the bus", name_of(type_)));
        connected_ = false;
        owns_name_ = false;
        callbacks_.disconnected();
    }
    detach();
    schedule_retry();
}

void Connection::schedule_retry()
{
    EventLoop::start(retry_, retry_delay_);
    retry_delay_ = std::min(retry_delay_ * 2, kMaxRetryDelay);
}

/// Finds out whether the bus replies to calls, with an asynchronous call on a connection of its own. This comes before
/// `reconnect`, because sdbus-c++ blocks until the bus has replied to Hello. A bus that is starting accepts connections
/// but does not reply yet, and would block the event loop.
void Connection::probe()
{
    const auto on_reply = [](sd_bus_message* reply, void* self, sd_bus_error*) noexcept {
        auto* const connection = static_cast<Connection*>(self);
        connection->probe_error_ = sd_bus_message_get_errno(reply);
        connection->probe_reply_call_.request();  // not here: this callback must not close the connection that runs it
        return 0;
    };
    sd_bus* opened = nullptr;
    int result = type_ == BusType::system ? sd_bus_open_system(&opened) : sd_bus_open_user(&opened);
    probe_.reset(opened);
    if (result >= 0)
        result = sd_bus_attach_event(opened, loop_.get(), static_cast<int>(EventLoop::Priority::normal));
    if (result >= 0)
        result = sd_bus_call_method_async(opened, nullptr, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                          "org.freedesktop.DBus", "GetId", on_reply, this, nullptr);
    if (result < 0)
        retry_connect(std::strerror(-result));
}

void Connection::on_probe_reply()
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
    connected_ = true;
    callbacks_.connected();
    // Asynchronous, because a synchronous call would block the event loop if the bus does not reply.
    const auto on_reply = [](sd_bus_message* reply, void* self, sd_bus_error*) noexcept {
        static_cast<Connection*>(self)->on_name_reply(reply);
        return 0;
    };
    if (sd_bus_request_name_async(bus_->handle, nullptr, kServiceName, 0, on_reply, this) < 0)
        report_broken();
}

void Connection::on_name_reply(sd_bus_message* reply)
{
    // RequestName in the D-Bus specification: 1 is "primary owner".
    std::uint32_t code = 0;
    name_error_ = sd_bus_message_get_errno(reply);
    if (name_error_ == 0 && (sd_bus_message_read_basic(reply, 'u', &code) < 0 || code != 1))
        name_error_ = EEXIST;
    name_reply_call_.request();  // not here: finish_reconnect() may throw, and libsystemd is written in C
}

void Connection::finish_reconnect()
{
    if (!connected_ || owns_name_)
        return;
    if (name_error_ == EEXIST || name_error_ == EACCES || name_error_ == EPERM)
        throw name_error(name_error_);
    if (name_error_ != 0) {
        on_disconnected();
        return;
    }
    log_.write("connections to the bus that were made again", spdlog::level::info,
               fmt::format("connected to the {} bus again", name_of(type_)));
    owns_name_ = true;
    retry_delay_ = kMinRetryDelay;
    callbacks_.flushed();
}

NameError Connection::name_error(int error) const
{
    const auto exit_code = [this](int code) { return start_ == Start::fresh ? code : EXIT_FAILURE; };
    if (error == EEXIST || error == EALREADY)
        return {fmt::format("the name {} is taken on the {} bus: another drvbusd is running; stop it first "
                            "(systemctl stop drvbusd)",
                            kServiceName, name_of(type_)),
                exit_code(EX_UNAVAILABLE)};
    if (error == EACCES || error == EPERM)
        return {fmt::format("the {} bus does not let this user own {}: run drvbusd as the user drvbus, and install "
                            "its policy (share/dbus-1/system.d/{}.conf)",
                            name_of(type_), kServiceName, kServiceName),
                exit_code(EX_NOPERM)};
    return {fmt::format("requesting the name {}: {}", kServiceName, std::strerror(error)), EXIT_FAILURE};
}

bool Connection::is_flushed()
{
    // A closed connection has discarded its messages, so its empty queue does not mean that the bus has accepted them.
    if (!owns_name_ || sd_bus_is_open(bus_->handle) <= 0)
        return false;
    if (queued_messages() == 0)
        return true;
    after_each_.enable(true);
    return false;
}

std::uint64_t Connection::queued_messages() const
{
    std::uint64_t messages = 0;
    check(sd_bus_get_n_queued_write(bus_->handle, &messages), "sd_bus_get_n_queued_write");
    return messages;
}

void Connection::check_flushed()
{
    if (owns_name_ && !is_flushed())
        return;
    after_each_.enable(false);
    if (owns_name_)
        callbacks_.flushed();
}

}  // namespace drvbus::bus

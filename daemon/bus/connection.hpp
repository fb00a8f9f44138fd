// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "base/event_loop.hpp"
#include "base/log_limiter.hpp"
#include "bus/incoming_calls.hpp"
#include "bus/sdbus_version.hpp"

namespace drvbus::bus {

inline constexpr const char* kServiceName = "org.drvbus1";
inline constexpr const char* kManagerPath = "/org/drvbus1";
inline constexpr const char* kChannelsPath = "/org/drvbus1/channel";
inline constexpr const char* kChannelInterface = "org.drvbus1.Channel";

enum class BusType : std::uint8_t { system, session };

/// What the process does about failures of the bus when it starts.
enum class Start : std::uint8_t {
    fresh,      ///< report them; the process then ends, and the administrator has to act
    continued,  ///< the service manager keeps open devices of an earlier process, but only until it gives up: wait for
                ///< a missing bus, and start again after other failures
};

/// The name org.drvbus1 cannot be owned. The message says what to do.
class NameError : public std::runtime_error {
public:
    NameError(const std::string& message, int exit_code) : std::runtime_error(message), exit_code_(exit_code) {}

    /// Exit code for the process. EX_UNAVAILABLE if another process owns the name, EX_NOPERM if the policy of the bus
    /// forbids it: the service manager does not start the daemon again. EXIT_FAILURE: it does.
    [[nodiscard]] int exit_code() const noexcept { return exit_code_; }

private:
    int exit_code_;
};

/// The daemon's connection to the bus, attached to its event loop. If the connection breaks, this class tries to
/// connect again until it succeeds. This never blocks the event loop.
///
/// Objects, properties and methods use sdbus-c++. The signals Event and Lost, and the reply of GetEvents, are sent with
/// sd-bus on the same connection, because sdbus-c++ allocates a separate message for each variant, and each field of an
/// event is a variant.
class Connection {
public:
    /// Called from the event loop.
    struct Callbacks {
        /// Messages can be sent: the connection owns the name, and the bus has accepted all messages. Called once after
        /// `is_flushed` returned false because of queued messages, and after a reconnection.
        std::function<void()> flushed;
        /// The connection broke. The callback must destroy all objects on it before it returns.
        std::function<void()> disconnected;
        /// The connection is established again. The callback puts all objects on it. The connection requests its name
        /// afterwards, so that whoever sees the name finds the objects.
        std::function<void()> connected;
    };

    /// Connects. Put the objects on the connection and then call `request_name`.
    /// @param loop must outlive the connection
    /// @throws NameError if another process owns the name org.drvbus1
    /// @throws std::runtime_error, whose message says what to do, if there is no bus
    Connection(EventLoop& loop, BusType type, Start start, Callbacks callbacks);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    /// Requests the name org.drvbus1 and waits for the reply. No effect if the connection is not established; a
    /// reconnection requests the name by itself.
    /// @throws NameError if it cannot be owned
    void request_name();

    [[nodiscard]] bool is_connected() const noexcept { return connected_; }

    /// The connection for sdbus-c++ and for sd-bus. Call these only while connected. The results are valid until the
    /// connection breaks.
    [[nodiscard]] sdbus::IConnection& sdbus() noexcept { return *bus_->connection; }
    [[nodiscard]] sd_bus* handle() noexcept { return bus_->handle; }

    /// Whether the connection owns its name and its output queue is empty: the socket of the bus has accepted every
    /// message that was sent. The daemon sends events and commits them only then. If messages are queued, the callback
    /// `flushed` follows as soon as the queue is empty.
    [[nodiscard]] bool is_flushed();

    /// Call this after a SendError. The event loop then calls `disconnected`, and this class connects again.
    void report_broken() const;

private:
    struct ProbeDeleter {
        void operator()(sd_bus* bus) const noexcept { sd_bus_close_unref(bus); }
    };

    void attach();
    void detach();
    void on_disconnected();
    void probe();
    void on_probe_reply();
    void retry_connect(const char* reason);
    void reconnect();
    void on_name_reply(sd_bus_message* reply);
    void finish_reconnect();
    void schedule_retry();
    void check_name_is_free();
    [[nodiscard]] NameError name_error(int error) const;
    void check_flushed();
    [[nodiscard]] std::uint64_t queued_messages() const;

    EventLoop& loop_;
    LogLimiter log_;
    BusType type_;
    Start start_;
    Callbacks callbacks_;
    std::optional<OpenedBus> bus_;
    IncomingCalls calls_;
    bool connected_ = false;
    bool owns_name_ = false;
    std::chrono::milliseconds retry_delay_;
    std::unique_ptr<sd_bus, ProbeDeleter> probe_;  ///< connection of its own, while a probe waits for its reply
    int probe_error_ = 0;                          ///< errno of the last probe; 0: the bus replied
    int name_error_ = 0;                           ///< errno of the last request for the name; 0: owned
    EventSource after_each_;                       ///< enabled while messages are queued
    EventSource retry_;
    DeferredCall disconnect_call_, probe_reply_call_, name_reply_call_;
};

}  // namespace drvbus::bus

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

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
        /// The bus has accepted all messages. Called once after `is_flushed` returned false because of queued messages.
        std::function<void()> flushed;
        /// The connection broke. The callback must destroy all objects on it before it returns.
        std::function<void()> disconnected;
        /// The connection is established again and owns the name org.drvbus1.
        std::function<void()> connected;
    };

    /// Connects and requests the name org.drvbus1.
    /// @param loop must outlive the connection
    /// @throws std::runtime_error, whose message says what to do, if there is no bus or the name cannot be owned
    Connection(EventLoop& loop, BusType type, Callbacks callbacks);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    [[nodiscard]] bool is_connected() const noexcept { return connected_; }

    /// The connection for sdbus-c++ and for sd-bus. Call these only while connected. The results are valid until the
    /// connection breaks.
    [[nodiscard]] sdbus::IConnection& sdbus() noexcept { return *bus_->connection; }
    [[nodiscard]] sd_bus* handle() noexcept { return bus_->handle; }

    /// Whether the connection is established and its output queue is empty: the socket of the bus has accepted every
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
    [[nodiscard]] std::string name_error_text(int error) const;
    void check_flushed();
    [[nodiscard]] std::uint64_t queued_messages() const;

    EventLoop& loop_;
    LogLimiter log_;
    BusType type_;
    Callbacks callbacks_;
    std::optional<OpenedBus> bus_;
    IncomingCalls calls_;
    bool connected_ = false;
    std::chrono::milliseconds retry_delay_;
    std::unique_ptr<sd_bus, ProbeDeleter> probe_;  ///< connection of its own, while a probe waits for its reply
    int probe_error_ = 0;                          ///< errno of the last probe; 0: the bus replied
    int name_error_ = 0;                           ///< errno of the last request for the name; 0: owned
    EventSource after_each_;                       ///< enabled while messages are queued
    EventSource retry_;
    DeferredCall disconnect_call_, probe_reply_call_, name_reply_call_;
};

}  // namespace drvbus::bus

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "base/event_loop.hpp"
#include "bus/sdbus_version.hpp"

namespace drvbus::bus {

inline constexpr const char* kServiceName = "org.drvbus1";
inline constexpr const char* kManagerPath = "/org/drvbus1";
inline constexpr const char* kChannelsPath = "/org/drvbus1/channel";
inline constexpr const char* kChannelInterface = "org.drvbus1.Channel";

enum class BusType : std::uint8_t { system, session };

/// The daemon's connection to the bus, attached to its event loop. If the connection breaks, this class connects again
/// as soon as the bus answers. The event loop is never blocked meanwhile.
///
/// Objects, properties and methods use sdbus-c++. The signals Event and Lost are sent with sd-bus on the same
/// connection, because sdbus-c++ allocates a separate message for every variant, of which an event has several.
class Connection {
public:
    /// Called from the event loop.
    struct Callbacks {
        std::function<void()> writable;  ///< the bus accepts messages again; follows a `writable` that returned false
        std::function<void()> disconnected;  ///< the connection broke: destroy all objects on it before returning
        std::function<void()> connected;     ///< the connection is established again, and owns the name
    };

    /// Connects and requests the name org.drvbus1.
    /// @param loop must outlive the connection
    /// @throws std::runtime_error, with advice, if there is no bus or the name cannot be owned
    Connection(EventLoop& loop, BusType type, Callbacks callbacks);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    [[nodiscard]] bool is_connected() const noexcept { return connected_; }

    /// Valid only while connected, and not across a reconnection.
    [[nodiscard]] sdbus::IConnection& sdbus() noexcept { return *bus_->connection; }
    [[nodiscard]] sd_bus* handle() noexcept { return bus_->handle; }

    /// Whether the bus has taken every message that was sent, and accepts more. If this returns false, the callback
    /// `writable` follows as soon as it does.
    [[nodiscard]] bool writable();

    /// Reports that sending failed. The callback `disconnected` follows from the event loop.
    void report_broken() const;

private:
    struct ProbeDeleter {
        void operator()(sd_bus* bus) const noexcept { sd_bus_close_unref(bus); }
    };

    void attach();
    void detach();
    void on_disconnected();
    void probe();
    void on_probe_answered();
    void retry_connect(const char* reason);
    void reconnect();
    void on_name_reply(sd_bus_message* reply);
    void on_name_acquired();
    void schedule_retry();
    [[nodiscard]] std::string name_error_text(int error) const;
    void check_writable();
    [[nodiscard]] std::uint64_t queued() const;

    EventLoop& loop_;
    BusType type_;
    Callbacks callbacks_;
    std::optional<Opened> bus_;
    bool connected_ = false;
    std::chrono::milliseconds retry_after_;
    std::unique_ptr<sd_bus, ProbeDeleter> probe_;
    int probe_error_ = 0;
    int name_error_ = 0;
    EventSource after_io_, retry_;
    DeferredCall broken_, probe_answered_, name_replied_;
};

}  // namespace drvbus::bus

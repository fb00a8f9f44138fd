// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "base/event_loop.hpp"
#include "sdbus_version.hpp"

namespace drvbus::bus {

inline constexpr const char* kServiceName = "org.drvbus1";
inline constexpr const char* kManagerPath = "/org/drvbus1";
inline constexpr const char* kChannelsPath = "/org/drvbus1/channel";
inline constexpr const char* kChannelInterface = "org.drvbus1.Channel";

enum class Which : std::uint8_t { system, session };

/// The daemon's one connection to the bus, served by its loop. When the bus goes away it is made anew, as
/// soon as there is one again that answers; until then the loop waits for nothing.
///
/// Objects, properties and methods are sdbus-c++'s. Signals of events go out by sd-bus on the same
/// connection: sdbus-c++ builds a message of its own for every variant, which is several per event.
class Connection {
public:
    /// What the connection tells, from the loop.
    struct Callbacks {
        std::function<void()> writable;  ///< the bus takes more, after it did not
        std::function<void()> lost;      ///< it is broken: all objects on it have to go now
        std::function<void()> back;      ///< there is a new one, and the name is ours
    };

    /// Connects and takes the name.
    /// @throws std::runtime_error that says what to do where there is no bus, or the name is not to be had
    Connection(Loop& loop, Which which, Callbacks callbacks);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    [[nodiscard]] bool up() const noexcept { return up_; }

    /// Only while it is up.
    [[nodiscard]] sdbus::IConnection& sdbus() noexcept { return *bus_->connection; }
    [[nodiscard]] sd_bus* handle() noexcept { return bus_->handle; }

    /// It is up and nothing waits to be written: the bus has all there was, and takes more. Where not,
    /// `writable` is called once it does.
    [[nodiscard]] bool writable();

    /// A send has failed: what `lost` is for will be done at the loop's next turn.
    void broken() const;

private:
    struct ProbeDeleter {
        void operator()(sd_bus* bus) const noexcept { sd_bus_close_unref(bus); }
    };

    void attach();
    void detach();
    void on_disconnected();
    void probe();
    void probed();
    void not_yet(const char* reason);
    void reconnect();
    void name_answered(sd_bus_message* answer);
    void go_on();
    void retry_later();
    [[nodiscard]] std::string no_name(int error) const;
    void check_writable();
    [[nodiscard]] std::uint64_t queued() const;

    Loop& loop_;
    Which which_;
    Callbacks callbacks_;
    std::optional<Opened> bus_;
    bool up_ = false;
    std::chrono::milliseconds retry_after_;
    std::unique_ptr<sd_bus, ProbeDeleter> probe_;
    int probe_error_ = 0;
    int name_error_ = 0;
    Source after_io_, retry_;
    Deferred broken_, probed_, name_answered_;
};

}  // namespace drvbus::bus

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <memory>

#include "loop.hpp"
#include "sdbus_version.hpp"

namespace drvbus::bus {

inline constexpr const char* kServiceName = "org.drvbus1";
inline constexpr const char* kManagerPath = "/org/drvbus1";
inline constexpr const char* kChannelsPath = "/org/drvbus1/channel";

enum class Which : std::uint8_t { system, session };

/// The daemon's one connection to the bus, served by its loop.
///
/// Objects, properties and methods are sdbus-c++'s. Signals of events go out by sd-bus on the same
/// connection: sdbus-c++ builds a message of its own for every variant, which is several per event.
class Connection {
public:
    /// @throws std::runtime_error that says what to do where there is no bus
    Connection(Loop& loop, Which which);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    /// @throws std::runtime_error that says what to do where the name is taken or not for this user
    void request_name();

    [[nodiscard]] sdbus::IConnection& sdbus() noexcept { return *bus_.connection; }
    [[nodiscard]] sd_bus* handle() noexcept { return bus_.handle; }

    /// Nothing waits to be written: the bus takes more. Where not, `on_writable` is called once it does.
    [[nodiscard]] bool writable();
    void on_writable(std::function<void()> callback) { on_writable_ = std::move(callback); }

private:
    void check_writable();

    const char* name_of_bus_;
    Opened bus_;
    std::function<void()> on_writable_;
    Source after_io_;
};

}  // namespace drvbus::bus

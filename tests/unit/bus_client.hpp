// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <systemd/sd-bus.h>

#include "base/event_loop.hpp"
#include "support/private_bus.hpp"

namespace drvbus::test {

/// Sets an environment variable. The destructor restores its previous value.
class ScopedVariable {
public:
    ScopedVariable(std::string name, const std::string& value);
    ScopedVariable(const ScopedVariable&) = delete;
    ScopedVariable& operator=(const ScopedVariable&) = delete;
    ~ScopedVariable();

private:
    std::string name_;
    std::string previous_;
    bool was_set_;
};

/// A private bus that is the session bus of the test program, and an event loop. Code under test and clients run in
/// this loop, without threads.
class BusTest : public testing::Test {
protected:
    PrivateBus bus_;
    ScopedVariable session_{"DBUS_SESSION_BUS_ADDRESS", bus_.address()};
    EventLoop loop_;
};

/// A received signal.
struct Signal {
    std::string path;
    std::string interface;
    std::string member;
    std::string signature;
    std::string contents;  ///< as text_of() describes it
};

/// A connection of the test to a bus, served by the event loop of the test.
class BusClient {
public:
    BusClient(const EventLoop& loop, const std::string& address);
    BusClient(const BusClient&) = delete;
    BusClient& operator=(const BusClient&) = delete;
    ~BusClient();

    [[nodiscard]] sd_bus* get() const { return bus_; }
    [[nodiscard]] std::string unique_name() const;

    /// Calls the bus itself and waits for the reply, without the event loop.
    [[nodiscard]] std::string owner_of(const char* name) const;
    void request_name(const char* name) const;
    /// Waits until the bus has handled all messages that this client sent before.
    void wait_for_bus() const;

    /// Receives all signals of the connection with the unique name `sender` from now on.
    void subscribe(const std::string& sender);
    [[nodiscard]] const std::vector<Signal>& signals() const { return signals_; }

    using OnReply = std::function<void(sd_bus_message*)>;
    /// Sends a method call without arguments. The loop calls `on_reply` with the reply or the error.
    void call(const std::string& destination, const char* path, const char* interface, const char* member,
              OnReply on_reply);

private:
    sd_bus* bus_ = nullptr;
    std::vector<Signal> signals_;
};

}  // namespace drvbus::test

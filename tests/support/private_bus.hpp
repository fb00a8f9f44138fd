// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>

#include "support/process.hpp"

namespace drvbus::test {

/// A D-Bus daemon that serves only the test that creates it, at an address in a temporary directory.
class PrivateBus {
public:
    PrivateBus();

    [[nodiscard]] const std::string& address() const { return address_; }
    /// Environment variables that make it the session bus of a process.
    [[nodiscard]] std::vector<std::string> environment() const { return {"DBUS_SESSION_BUS_ADDRESS=" + address_}; }

    /// Stops the bus daemon (SIGSTOP): its sockets accept connections and data, but it handles nothing until `resume`.
    void stop() const { daemon_->stop(); }
    void resume() const { daemon_->resume(); }
    /// Kills the bus daemon (SIGKILL).
    void kill();
    /// Starts another bus daemon at the same address, after `kill`.
    /// @param policy further rules of the bus's policy, which otherwise allows everything
    void start(const std::string& policy = {});

private:
    TemporaryDirectory directory_;
    std::string address_;
    std::optional<Process> daemon_;
};

}  // namespace drvbus::test

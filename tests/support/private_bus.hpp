// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>

#include "support/process.hpp"

namespace drvbus::test {

/// A bus of the test's own.
class PrivateBus {
public:
    PrivateBus();

    [[nodiscard]] const std::string& address() const { return address_; }
    /// Variables that make it the session bus of a process.
    [[nodiscard]] std::vector<std::string> environment() const { return {"DBUS_SESSION_BUS_ADDRESS=" + address_}; }

    /// Takes and sends nothing until `resume`.
    void stop() const { daemon_->stop(); }
    void resume() const { daemon_->resume(); }
    /// Ends it, hard.
    void kill();
    /// Another one at the same address, after `kill`.
    void start();

private:
    TemporaryDirectory directory_;
    std::string address_;
    std::optional<Process> daemon_;
};

}  // namespace drvbus::test

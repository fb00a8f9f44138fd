// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>

#include <sys/types.h>

#include "support/process.hpp"
#include "support/wait.hpp"

namespace drvbus::test {

/// @returns a property of the unit drvbusd.service of the guest
std::string unit_property(const std::string& property);
/// @returns the main process of drvbusd.service; 0 when it does not run
pid_t daemon_pid();
/// Waits until a channel is on the bus. @returns false after the time limit
bool wait_for_channel(const std::string& name);
/// Waits until no channel of this name is on the bus. @returns false after the time limit
bool wait_for_no_channel(const std::string& name);

/// Runs `gdbus monitor` as `user`, for all signals of the daemon. Its match is in place when the constructor returns.
class Monitor {
public:
    explicit Monitor(const std::string& user = "root");

    [[nodiscard]] std::string output() const { return process_.output(); }
    /// Waits until the output contains `text`. @returns false after the time limit
    [[nodiscard]] bool shows(const std::string& text) const;

private:
    Process process_;
};

/// A drop-in of the daemon's configuration, in force for the lifetime of the object.
class ConfigDropIn {
public:
    /// Writes the file and reloads the daemon if it runs.
    explicit ConfigDropIn(const std::string& text);
    ConfigDropIn(const ConfigDropIn&) = delete;
    ConfigDropIn& operator=(const ConfigDropIn&) = delete;
    ~ConfigDropIn();
};

}  // namespace drvbus::test

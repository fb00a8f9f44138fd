// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>

#include <sys/types.h>

#include "support/process.hpp"
#include "support/wait.hpp"

namespace drvbus::test {

/// The installed drvbusd.service of the guest.
/// @returns the value of one of its unit's properties
std::string unit_property(const std::string& property);
/// Its main process; 0: none
pid_t daemon_pid();
/// Waits until a channel is on the bus.
bool wait_for_channel(const std::string& name);
/// Waits until no channel of this name is on the bus.
bool wait_for_no_channel(const std::string& name);

/// `gdbus monitor` of all that the daemon says, as `user`. It listens when the constructor returns.
class Monitor {
public:
    explicit Monitor(const std::string& user = "root");

    [[nodiscard]] std::string output() const { return process_.output(); }
    /// Waits until it has shown `text`.
    [[nodiscard]] bool shows(const std::string& text) const;

private:
    Process process_;
};

/// A drop-in of the configuration, in force until this goes.
class Configured {
public:
    /// Writes it and reloads the running daemon.
    explicit Configured(const std::string& text);
    Configured(const Configured&) = delete;
    Configured& operator=(const Configured&) = delete;
    ~Configured();
};

}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <sys/types.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-journal.h>

#include "base/unique_fd.hpp"
#include "support/process.hpp"
#include "support/wait.hpp"

namespace drvbus::test {

struct CloseBus {
    void operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }
};
using Bus = std::unique_ptr<sd_bus, CloseBus>;

/// Connects to the system bus as another user. @returns null when the bus refuses
Bus connect_as(const std::string& user);

/// @returns a property of the unit drvbusd.service of the guest
std::string unit_property(const std::string& property);
/// @returns the main process of a service; 0 when it does not run
pid_t main_process(const std::string& unit);
/// @returns the main process of drvbusd.service; 0 when it does not run
pid_t daemon_pid();
/// Asks the daemon over a new connection to the bus. @returns false when it does not answer
bool daemon_answers();
/// Reads the property NextSequence of a channel as the user nobody: dbus-broker limits what it queues for all clients
/// of a user, and root's may have a long queue. @returns 0 when the daemon does not answer
std::uint64_t next_sequence(const std::string& channel);
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

/// The messages about drvbusd.service that the journal receives after the construction of the object.
class Journal {
public:
    Journal();

    /// Waits until a message contains `text`. @returns false after the time limit
    [[nodiscard]] bool shows(const std::string& text) const;
    /// @returns the messages so far, one a line
    [[nodiscard]] std::string messages() const;

private:
    struct Close {
        void operator()(sd_journal* journal) const;
    };
    std::unique_ptr<sd_journal, Close> journal_;
    std::uint64_t begin_us_;  ///< CLOCK_MONOTONIC
};

/// Stops the daemon's process for the lifetime of the object, unless something kills the process meanwhile.
class StoppedDaemon {
public:
    /// Returns when the process is stopped. Throws std::runtime_error when the daemon does not run.
    StoppedDaemon();
    StoppedDaemon(const StoppedDaemon&) = delete;
    StoppedDaemon& operator=(const StoppedDaemon&) = delete;
    ~StoppedDaemon();

private:
    UniqueFd pidfd_;
};

/// Settings of the section [Service] of drvbusd.service, in force for the lifetime of the object.
class UnitDropIn {
public:
    /// Writes the drop-in and restarts the service. Throws std::runtime_error when that fails.
    explicit UnitDropIn(const std::string& settings);
    UnitDropIn(const UnitDropIn&) = delete;
    UnitDropIn& operator=(const UnitDropIn&) = delete;
    /// Removes the drop-in and restarts the service.
    ~UnitDropIn();
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

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/io.hpp"
#include "support/private_bus.hpp"
#include "support/process.hpp"
#include "support/subscriber.hpp"

namespace drvbus::test {

/// Runs the drvbusd under test on a private bus.
class DaemonTest : public testing::Test {
protected:
    /// Command line of drvbusd with the test's configuration file.
    [[nodiscard]] std::vector<std::string> command() const;
    [[nodiscard]] std::string config_file() const { return path("drvbusd.toml"); }
    /// Path of a file in the test's directory.
    [[nodiscard]] std::string path(const std::string& file) const { return directory_.path() + "/" + file; }

    /// Writes the configuration file. A running daemon reads it only when it reloads.
    void configure(const std::string& text) const;
    /// Writes the configuration, starts drvbusd and waits until it answers calls.
    /// @throws std::runtime_error with the daemon's output if it does not start
    void start(const std::string& configuration, Process::Options options = {});
    /// The same with another command, which must end by executing drvbusd.
    void start_with(const std::vector<std::string>& command, const std::string& configuration,
                    Process::Options options = {});
    /// Reduces the send buffer of the running daemon's connection to the bus to 32 KiB, so that a test can fill it.
    /// sd-bus sets 16 MiB if it has the privilege.
    void shrink_send_buffer() const;
    /// Duplicates of the running daemon's stream sockets, which are its connections to the bus.
    [[nodiscard]] std::vector<UniqueFd> connections() const;
    [[nodiscard]] Process& daemon() { return daemon_.value(); }

    [[nodiscard]] const PrivateBus& bus() const { return bus_; }
    [[nodiscard]] PrivateBus& bus() { return bus_; }

    /// Terminates a running daemon and expects exit code 0. Prints the daemon's output if the test failed.
    void TearDown() override;

private:
    void wait_until_ready();

    TemporaryDirectory directory_;
    PrivateBus bus_;
    std::optional<Process> daemon_;
};

/// A [[channel]] table of the configuration. `settings` holds further lines of the table.
std::string channel(const std::string& name, const std::string& device, const std::string& settings = {});

/// Waits until the channel is in `state`. @returns its property Reason
std::string reason_for(const std::string& state, const Subscriber& subscriber);

/// The properties State and Reason as "STATE: REASON"; without a reason, "STATE".
std::string state_of(const Subscriber& subscriber);

/// How many events were received and announced as lost, for failure messages.
std::string summary(const Subscriber& subscriber);

}  // namespace drvbus::test

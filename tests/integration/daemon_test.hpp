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

/// The real drvbusd on a bus of its own.
class DaemonTest : public testing::Test {
protected:
    /// Command line of drvbusd, with the test's configuration file.
    [[nodiscard]] std::vector<std::string> command() const;
    [[nodiscard]] std::string config_file() const { return path("drvbusd.toml"); }
    /// Of a file in the test's directory.
    [[nodiscard]] std::string path(const std::string& file) const { return directory_.path() + "/" + file; }

    /// Writes the configuration file; a running daemon does not look before it is told to.
    void configure(const std::string& text) const;
    /// Starts drvbusd, and waits until it answers.
    void start(const std::string& configuration, Process::Options options = {});
    /// The same, by another command that becomes drvbusd.
    void start_by(const std::vector<std::string>& command, const std::string& configuration,
                  Process::Options options = {});
    /// Makes the running daemon's queue to the bus hold little, as it does where the kernel's limit is low. With
    /// privileges sd-bus makes it 16 MiB long, and a bus is hardly ever seen to be slow.
    void narrow_bus() const;
    /// The running daemon's streams, which are its connections to the bus.
    [[nodiscard]] std::vector<UniqueFd> connections() const;
    [[nodiscard]] Process& daemon() { return daemon_.value(); }

    [[nodiscard]] const PrivateBus& bus() const { return bus_; }
    [[nodiscard]] PrivateBus& bus() { return bus_; }

    /// A daemon that still runs has to end well.
    void TearDown() override;

private:
    void wait_until_it_answers();

    TemporaryDirectory directory_;
    PrivateBus bus_;
    std::optional<Process> daemon_;
};

/// A [[channel]] of the configuration; `settings` are further lines of it.
std::string channel(const std::string& name, const std::string& device, const std::string& settings = {});

/// Waits until the channel is in `state`. @returns the reason for it
std::string reason_for(const std::string& state, const Subscriber& subscriber);

/// "STATE: REASON", or "online".
std::string state_of(const Subscriber& subscriber);

/// What came, and what is missing, for a test that fails.
std::string summary(const Subscriber& subscriber);

}  // namespace drvbus::test

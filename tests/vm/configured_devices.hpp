// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace drvbus::test {

/// Devices of the guest on the bus by configuration alone, the way docs/devices.md has it done: a file of channels,
/// the drop-in for the unit that drvbusd itself writes out, udev rules for nodes that are root's, a restart.
class Bridged {
public:
    /// @param channels tables of [[channel]]
    explicit Bridged(const std::string& channels);
    Bridged(const Bridged&) = delete;
    Bridged& operator=(const Bridged&) = delete;
    /// Stops the service and takes the files away.
    ~Bridged();

    /// What the unit was given.
    [[nodiscard]] const std::string& drop_in() const { return drop_in_; }

private:
    std::string drop_in_;
};

/// Waits until a channel is in a state. @returns what the reason is then, or what it is instead
std::string reason_when(const std::string& state, const std::string& channel);

}  // namespace drvbus::test

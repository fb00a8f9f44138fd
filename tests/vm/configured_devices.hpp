// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

namespace drvbus::test {

/// Publishes devices of the guest by configuration alone, as docs/devices.md describes: writes a configuration file
/// with the channels and the drop-in that drvbusctl prints for the unit, installs udev rules for nodes that only root
/// can open, and restarts the service. The rules are installed once for all tests of the program.
class ConfiguredDevices {
public:
    /// Restarts the service with this configuration. Create the devices before.
    /// @param channels tables of [[channel]]
    explicit ConfiguredDevices(const std::string& channels);
    ConfiguredDevices(const ConfiguredDevices&) = delete;
    ConfiguredDevices& operator=(const ConfiguredDevices&) = delete;
    /// Stops the service, which forgets the positions of its channels, and removes the configuration.
    ~ConfiguredDevices();
};

/// Waits until the property State of `channel` is `state`.
/// @returns the property Reason in that state; "STATE: REASON" of the present state when the time limit has passed
std::string reason_in_state(const std::string& state, const std::string& channel);

}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <string>

#include "config/config.hpp"

/// The subcommands of drvbusctl. None needs a bus. Each prints to stdout and returns the exit code of the process.
namespace drvbus::cli {

/// Explains each channel of the configuration and tests whether its device can be opened and which notification it
/// supports. Opens the devices, and runs only the setup steps that query an input device (EVIOCGBIT).
/// @param duration also runs the setup of each usable device, and reads the device for this time; 0: reads nothing
/// @returns EXIT_FAILURE if a device that is present cannot be used
/// @throws ConfigError, std::system_error
[[nodiscard]] int check_config(const ConfigPath& path, std::chrono::seconds duration);

/// Reads a device, shows its data and suggests a [[channel]] for it. Does not read devices that people type on.
/// @returns EXIT_FAILURE if the device cannot be opened
/// @throws std::system_error
[[nodiscard]] int probe(const std::string& device, std::chrono::seconds duration);

/// Prints a drop-in for drvbusd.service that gives the service access to the configured devices. Opens none of them.
/// @throws ConfigError, std::system_error
[[nodiscard]] int print_unit_dropin(const ConfigPath& path);

}  // namespace drvbus::cli

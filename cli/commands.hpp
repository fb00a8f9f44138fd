// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <string>

#include "config/config.hpp"

/// What drvbusd can say of devices and configurations, without a bus. Each prints to stdout and returns the exit code
/// that the process ends with.
namespace drvbus::cli {

/// Explains the configuration: which devices it means, whether they can be opened, and how they tell of news. Opens
/// them; none of the steps is run, and nothing is read.
/// @throws ConfigError
[[nodiscard]] int check_config(const ConfigPath& path);

/// Shows what reading a device brings, and a [[channel]] to begin with.
[[nodiscard]] int probe(const std::string& device, std::chrono::seconds duration);

/// Prints a drop-in for drvbusd.service that lets the service have the devices of the configuration. Opens none.
/// @throws ConfigError
[[nodiscard]] int print_unit_dropin(const ConfigPath& path);

}  // namespace drvbus::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "config/document.hpp"
#include "device/setup_step.hpp"

namespace drvbus::config {

/// Reads the steps in the array `key`, without those whose condition ('when', 'unless') is false.
/// @throws ConfigError
[[nodiscard]] std::vector<device::SetupStep> read_steps(const Table& table, std::string_view key);

/// Reads the step in the table `key`; none if there is no such key.
/// @throws ConfigError
[[nodiscard]] std::optional<device::SetupStep> read_step(const Table& table, std::string_view key);

/// The size in bytes of the payload prefix (SetupState::payload_prefix) that the steps will make.
[[nodiscard]] std::size_t payload_prefix_size(const std::vector<device::SetupStep>& steps);

/// The size in bytes of what the steps leave for the next process (SetupState), without the path in sysfs.
[[nodiscard]] std::size_t setup_state_size(const std::vector<device::SetupStep>& steps);

}  // namespace drvbus::config

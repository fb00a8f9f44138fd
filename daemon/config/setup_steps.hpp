// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "config/document.hpp"
#include "device/setup_step.hpp"

namespace drvbus::config {

/// The steps in the array `key`, without those whose condition is false.
/// @throws ConfigError
[[nodiscard]] std::vector<device::SetupStep> read_steps(const Table& table, std::string_view key);

/// The step in the table `key`; none if there is no such key.
/// @throws ConfigError
[[nodiscard]] std::optional<device::SetupStep> read_step(const Table& table, std::string_view key);

/// Number of bytes that the steps add before each payload.
[[nodiscard]] std::size_t prefix_size(const std::vector<device::SetupStep>& steps);

}  // namespace drvbus::config

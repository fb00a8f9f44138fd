// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "config/document.hpp"
#include "device/setup_step.hpp"

namespace drvbus::config {

/// The steps in the array called `key`, without those that are not to be done.
/// @throws ConfigError
[[nodiscard]] std::vector<device::SetupStep> read_steps(const Table& table, std::string_view key);

/// The step in the table called `key`.
[[nodiscard]] std::optional<device::SetupStep> read_step(const Table& table, std::string_view key);

/// Bytes that the steps put before each payload.
[[nodiscard]] std::size_t prefix_size(const std::vector<device::SetupStep>& steps);

}  // namespace drvbus::config

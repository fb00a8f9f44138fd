// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Describes parts of the configuration for the user.
#pragma once

#include <string>

#include "config/config.hpp"

namespace drvbus::cli {

/// What a step does, and what undoes it.
[[nodiscard]] std::string describe(const device::SetupStep& step);

/// How the data of a device is divided into events.
[[nodiscard]] std::string describe(const record::Framing& framing);

/// Labelled lines on how a channel's events are framed and decoded.
[[nodiscard]] std::string describe_events(const device::ChannelSettings& channel);
/// Labelled lines on the steps for a channel's device.
[[nodiscard]] std::string describe_steps(const device::Settings& settings);

}  // namespace drvbus::cli

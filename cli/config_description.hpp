// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include "config/config.hpp"

namespace drvbus::cli {

/// What a step would do, and what undoes it.
[[nodiscard]] std::string in_words(const device::SetupStep& step);

/// How what a device sends becomes events.
[[nodiscard]] std::string in_words(const record::Framing& framing);

/// Lines on what a channel's events are made of, and on the steps for its device.
[[nodiscard]] std::string explain_events(const device::ChannelSettings& channel);
[[nodiscard]] std::string explain_steps(const device::Settings& settings);

}  // namespace drvbus::cli

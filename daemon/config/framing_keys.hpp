// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>

#include "config/document.hpp"
#include "device/channel_settings.hpp"

namespace drvbus::config {

/// Reads the keys of a [[channel]] that say how the input is divided into events: 'records' and those that depend on
/// it.
/// @param channel its `format` is used
/// @param prefix_size bytes that the setup prepends to each payload
/// @throws ConfigError
[[nodiscard]] record::Framing read_framing(const Table& table, const device::ChannelSettings& channel,
                                           std::size_t prefix_size);

}  // namespace drvbus::config

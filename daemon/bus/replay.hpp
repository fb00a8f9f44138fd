// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bus/event_message.hpp"
#include "bus/method_error.hpp"

namespace drvbus::bus {

/// The events of a channel that GetEvents can still return. Refers to memory of the channel. Valid until the channel
/// reads its device again.
struct Replay {
    const MessageContext& context;       ///< of the channel
    std::span<const std::byte> records;  ///< from the requested sequence on
    std::uint64_t next_sequence;         ///< sequence that the next event will have
    std::uint64_t instance;              ///< of the channel, for these events
};

/// Sends the reply to a call of GetEvents.
/// @param since the sequence that the caller asked for
/// @param max number of events that the caller accepts; 0: as many as fit into one reply
/// @throws SendError
void reply_to_get_events(sd_bus_message* call, const Replay& replay, std::uint64_t since, std::uint32_t max);

}  // namespace drvbus::bus

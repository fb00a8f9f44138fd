// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bus/event_message.hpp"
#include "bus/method_error.hpp"

namespace drvbus::bus {

/// The events that a channel still holds. Refers to memory of the channel and is valid until the channel reads again.
struct Replay {
    const EventSchema& schema;
    std::span<const std::byte> records;  ///< from the requested sequence on
    std::uint64_t next_sequence;         ///< of the first event that has not happened yet
    std::uint64_t instance;
};

/// Answers a call of GetEvents.
/// @param since the sequence that the caller asked for
/// @param max number of events that the caller accepts; 0: as many as fit into one answer
/// @throws SendError
void answer_get_events(sd_bus_message* call, const Replay& replay, std::uint64_t since, std::uint32_t max);

}  // namespace drvbus::bus

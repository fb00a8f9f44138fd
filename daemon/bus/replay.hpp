// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include "bus/event_message.hpp"

namespace drvbus::bus {

/// What a channel can still say of its past.
struct Replay {
    const Published& channel;
    std::span<const std::byte> records;  ///< from the sequence asked for on
    std::uint64_t next_sequence;         ///< of the first event that has not happened yet
    std::uint64_t instance;
};

/// A question about the past that cannot be answered; `name` is the D-Bus error's.
class ReplayError : public std::runtime_error {
public:
    ReplayError(const char* error_name, const std::string& what) : std::runtime_error(what), name(error_name) {}

    const char* name;
};

/// Answers a call of GetEvents.
/// @param max how many events at most; 0: as many as one answer takes
/// @throws ReplayError, SendError
void answer_get_events(sd_bus_message* call, const Replay& replay, std::uint64_t since, std::uint32_t max);

}  // namespace drvbus::bus

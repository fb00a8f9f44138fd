// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace drvbus::record {

/// Flag of an event that is published as bytes, because its payload does not fit the channel's format. Only the daemon
/// sets it; the flags of the kernel module are the low bits.
inline constexpr std::uint32_t kFormatMismatch = std::uint32_t{1} << 31;

/// One event. Its payload is a part of the buffer that the event was parsed from, and valid as long as that buffer.
struct Event {
    std::uint64_t sequence;
    std::uint64_t time_ns;  ///< CLOCK_MONOTONIC
    std::uint32_t id;
    std::uint32_t flags;  ///< DRVBUS_EVENT_*, kFormatMismatch
    std::span<const std::byte> payload;
};

/// The result of parsing the start of a buffer.
struct Record {
    enum class State : std::uint8_t {
        complete,   ///< the first `size` bytes are an event
        partial,    ///< the bytes are the start of an event; more are needed
        malformed,  ///< no drvbus record starts like this
    };

    State state;
    std::size_t size;  ///< bytes, with the padding; 0 if it is not known
    Event event;       ///< valid with State::complete
};

/// Parses the struct drvbus_record at the start of `bytes`, which need not be aligned. It trusts no length in `bytes`,
/// because they may come from a FIFO that others can write to.
[[nodiscard]] Record parse_record(std::span<const std::byte> bytes);

}  // namespace drvbus::record

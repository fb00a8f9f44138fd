// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace drvbus::record {

/// Flag of an event whose payload is known not to be as the channel's format: it is published as bytes. None of the
/// module's, which are the low bits.
inline constexpr std::uint32_t kFormatMismatch = std::uint32_t{1} << 31;

/// One event as it lies in a read buffer. Valid until the reader that gave it reads again.
struct Event {
    std::uint64_t sequence;
    std::uint64_t time_ns;  ///< CLOCK_MONOTONIC
    std::uint32_t id;
    std::uint32_t flags;  ///< DRVBUS_EVENT_*, kUnfit
    std::span<const std::byte> payload;
};

/// What the front of some bytes holds.
struct Record {
    enum class State : std::uint8_t {
        complete,   ///< an event, in the first `size` bytes
        partial,    ///< the start of one; more bytes are needed
        malformed,  ///< nothing that a drvbus record can start with
    };

    State state;
    std::size_t size;
    Event event;
};

/// Reads the struct drvbus_record at the front of `bytes`, which need not be aligned.
[[nodiscard]] Record parse_record(std::span<const std::byte> bytes);

}  // namespace drvbus::record

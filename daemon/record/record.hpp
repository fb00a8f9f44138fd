// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace drvbus::record {

/// The name of an event whose payload does not fit the channel's format. No event that fits has this name.
inline constexpr const char* kMismatchName = "mismatch";
/// The id of such an event of a configured device, because its id is a part of its payload. No event that fits has it.
/// A struct drvbus_record has its id outside the payload, and keeps it.
inline constexpr std::uint32_t kMismatchId = UINT32_MAX;

// Flags of an event that only the daemon sets. The flags of the kernel module are the low bits.

/// The payload does not fit the channel's format, so the event is published as bytes.
inline constexpr std::uint32_t kFormatMismatch = std::uint32_t{1} << 31;
/// The payload is only the first part of what the device sent, because the rest exceeds a limit.
inline constexpr std::uint32_t kCut = std::uint32_t{1} << 30;
/// The time that the device gave is not a time since boot. `time_ns` is 0.
inline constexpr std::uint32_t kTimeUnknown = std::uint32_t{1} << 29;
/// The device lost a part of what belongs to this event.
inline constexpr std::uint32_t kIncomplete = std::uint32_t{1} << 28;
/// The record is no event: it stands for an unknown number of events that the device lost. It has no payload.
inline constexpr std::uint32_t kLoss = std::uint32_t{1} << 27;
inline constexpr std::uint32_t kDaemonFlags = kFormatMismatch | kCut | kTimeUnknown | kIncomplete | kLoss;

/// One event. Its payload is a part of the buffer that the event was parsed from, and valid as long as that buffer.
struct Event {
    std::uint64_t sequence;
    std::uint64_t time_ns;  ///< CLOCK_MONOTONIC
    std::uint32_t id;
    std::uint32_t flags;  ///< DRVBUS_EVENT_*, kDaemonFlags
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

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace drvbus::record {

/// How the input of a device is divided into events.
struct Framing {
    enum class Kind : std::uint8_t {
        records,   ///< consecutive struct drvbus_record
        raw,       ///< each read() returns one event
        fixed,     ///< consecutive events of `size` bytes
        lines,     ///< each event ends with a newline, which is not part of the payload; see first_frame
        snapshot,  ///< at each notification, the complete contents of a file are one event
    };

    Kind kind = Kind::records;
    std::uint32_t size = 0;  ///< bytes, with Kind::fixed

    friend bool operator==(const Framing&, const Framing&) = default;
};

/// The name in the configuration: "drvbus", "raw", "fixed", "lines" or "snapshot".
[[nodiscard]] std::string_view to_string(Framing::Kind kind) noexcept;

/// The first event in a buffer.
struct Frame {
    std::size_t size = 0;                ///< its bytes in the buffer; 0: the event is not complete yet
    std::span<const std::byte> payload;  ///< a part of the buffer
    std::uint64_t sequence = 0;          ///< with Kind::records
};

/// Finds the first event in `bytes`.
/// A line of 32 KiB or more is split.
/// @param end_of_input no further input will follow, so an incomplete last line is an event
/// @throws std::runtime_error if the bytes cannot be framed in this way
[[nodiscard]] Frame first_frame(const Framing& framing, std::span<const std::byte> bytes, bool end_of_input);

}  // namespace drvbus::record

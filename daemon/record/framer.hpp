// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "record/framing.hpp"

namespace drvbus::record {

/// The first part of a buffer.
struct Frame {
    enum class Kind : std::uint8_t {
        incomplete,  ///< more input is needed
        event,       ///< the payload of one event
        cut,         ///< the same, but the device sent more than Framing::max_length; the rest will be skipped
        skipped,     ///< bytes that belong to no event
    };

    Kind kind = Kind::incomplete;
    std::size_t size = 0;                ///< its bytes in the buffer; 0 with Kind::incomplete
    std::span<const std::byte> payload;  ///< a part of the buffer
    std::uint64_t sequence = 0;          ///< with Framing::Kind::records
    bool skipping = false;               ///< the bytes that follow continue the bytes that are skipped

    /// Whether the daemon begins to skip bytes here.
    /// @param was_skipping `skipping` of the frame before this one
    [[nodiscard]] bool begins_to_skip(bool was_skipping) const noexcept
    {
        return kind == Kind::cut || (kind == Kind::skipped && !was_skipping);
    }
};

/// Divides input into events.
class Framer {
public:
    explicit Framer(const Framing& framing) noexcept : framing_(framing) {}

    /// Finds the first frame in `bytes`.
    /// @param bytes the input after the last frame that this function found; begins with the bytes of the last call if
    ///        that call found none
    /// @param end_of_input no further input will follow, so an incomplete last line is an event
    /// @param skipping Frame::skipping of the frame before `bytes`; false at the beginning
    /// @throws std::runtime_error if the bytes cannot be framed in this way
    [[nodiscard]] Frame next(std::span<const std::byte> bytes, bool end_of_input, bool skipping);

private:
    [[nodiscard]] Frame find(std::span<const std::byte> bytes, bool end_of_input, bool skipping);
    [[nodiscard]] Frame find_line(std::span<const std::byte> bytes, bool end_of_input);
    [[nodiscard]] Frame find_delimited(std::span<const std::byte> bytes, bool end_of_input);
    [[nodiscard]] Frame find_frame(std::span<const std::byte> bytes, bool end_of_input) const;
    [[nodiscard]] bool is_intact(std::span<const std::byte> frame) const;

    Framing framing_;
    /// Number of bytes in which the last call found no delimiter. They are not searched again: otherwise a long line
    /// that arrives in small parts would take quadratic time.
    std::size_t searched_ = 0;
};

}  // namespace drvbus::record

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace drvbus::record {

/// How what comes from a device is marked off into events.
struct Framing {
    enum class Kind : std::uint8_t {
        records,   ///< struct drvbus_record, one after another
        raw,       ///< each read() gives one event
        fixed,     ///< events of `size` bytes, one after another
        lines,     ///< each ends with a newline, which is no part of it
        snapshot,  ///< with each news the whole of a file, read from its front, is one event
    };

    Kind kind = Kind::records;
    std::uint32_t size = 0;  ///< bytes, of Kind::fixed

    /// Whether a read() must not be joined with the one before.
    [[nodiscard]] bool by_reads() const noexcept { return kind == Kind::raw || kind == Kind::snapshot; }

    friend bool operator==(const Framing&, const Framing&) = default;
};

/// As in the configuration: "drvbus", "raw", "fixed", "lines", "snapshot".
[[nodiscard]] std::string_view to_string(Framing::Kind kind) noexcept;

/// The first event in some bytes.
struct Frame {
    std::size_t size = 0;                ///< of the bytes it takes; 0: it is not whole yet
    std::span<const std::byte> payload;  ///< in them
    std::uint64_t sequence = 0;          ///< of Kind::records, which are whole already
};

/// @param ended nothing follows these bytes
/// @throws std::runtime_error where they are not what they are said to be
[[nodiscard]] Frame first_frame(const Framing& framing, std::span<const std::byte> bytes, bool ended);

}  // namespace drvbus::record

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <linux/drvbus.h>

#include "record/checksum.hpp"

namespace drvbus::record {

/// A short string of bytes at the beginning or the end of a record.
struct Marker {
    static constexpr std::size_t kCapacity = 16;  ///< in bytes

    std::array<std::byte, kCapacity> bytes{};
    std::uint8_t size = 0;

    /// @param text at most kCapacity bytes
    [[nodiscard]] static Marker of(std::string_view text);
    [[nodiscard]] bool empty() const noexcept { return size == 0; }
    [[nodiscard]] std::span<const std::byte> view() const noexcept { return std::span(bytes).first(size); }

    friend bool operator==(const Marker&, const Marker&) = default;
};

/// In words for people: "LF (\n)", "STX (0x02)", "55 aa".
[[nodiscard]] std::string to_string(const Marker& marker);

enum class ByteOrder : std::uint8_t { little, big };

/// Where a frame has its length and its checksum. Offsets are those in the frame, in bytes. The checksum covers the
/// bytes up to its own; it is followed only by Framing::end.
struct FrameLayout {
    std::uint16_t length_at = 0;   ///< offset of the length field
    std::uint8_t length_size = 0;  ///< of the length field, 1 to 4 bytes; 0: there is none
    ByteOrder length_order = ByteOrder::little;
    std::int32_t added = 0;  ///< the size of the frame is the value of the length field (0 if there is none), plus this
    std::uint16_t checksum_from = 0;  ///< offset of the first byte that the checksum covers
    Checksum checksum = Checksum::none;
    ByteOrder checksum_order = ByteOrder::little;

    friend bool operator==(const FrameLayout&, const FrameLayout&) = default;
};

/// How the input of a device is divided into events.
///
/// The checkpoint stores the bytes of this struct: its layout changes only together with kMagic in checkpoint.cpp.
struct Framing {
    enum class Kind : std::uint8_t {
        records,   ///< consecutive struct drvbus_record
        raw,       ///< each read() returns one event
        fixed,     ///< consecutive events of `size` bytes
        lines,     ///< each event ends with a delimiter, which is not part of the payload; see Framer
        snapshot,  ///< at each notification, the complete contents of a file are one event
        frames,    ///< each event has a start, and a length field or a fixed size; see Framer
    };

    /// In bytes. The other half of the largest payload is for the prefix that a setup may add.
    static constexpr std::uint32_t kMaxLength = DRVBUS_PAYLOAD_MAX / 2;

    Kind kind = Kind::records;
    std::uint32_t size = 0;                 ///< bytes, with Kind::fixed
    std::uint32_t max_length = kMaxLength;  ///< of a payload with Kind::lines, of a frame with Kind::frames, in bytes
    Marker start{};                         ///< begins each record; empty: a record with Kind::lines needs no start
    Marker end{};         ///< with Kind::lines: the delimiter; empty: LF or CR LF. With Kind::frames: ends each frame
    FrameLayout frame{};  ///< with Kind::frames

    /// With Kind::frames: the size of the smallest possible frame in bytes.
    [[nodiscard]] std::size_t smallest_frame() const noexcept;

    /// Whether an earlier process could have stored this framing in a checkpoint.
    [[nodiscard]] bool is_valid() const noexcept;

    friend bool operator==(const Framing&, const Framing&) = default;
};

/// The name in the configuration: "drvbus", "raw", "fixed", "lines", "snapshot" or "frames".
[[nodiscard]] std::string_view to_string(Framing::Kind kind) noexcept;

}  // namespace drvbus::record

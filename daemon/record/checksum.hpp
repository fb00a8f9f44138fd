// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace drvbus::record {

/// A checksum of a frame: its index in the list of checksums. The checkpoint stores it.
enum class Checksum : std::uint8_t { none = 0 };

/// The names of all checksums: "sum8", "sum16", "xor8", and those of CRCs in the CRC RevEng catalogue
/// (https://reveng.sourceforge.io/crc-catalogue/).
[[nodiscard]] std::vector<std::string_view> checksum_names();

/// @returns none if no checksum has the name
[[nodiscard]] std::optional<Checksum> checksum_called(std::string_view name);

/// Whether the value is one that `checksum_called` returns, or Checksum::none.
[[nodiscard]] bool is_checksum(Checksum checksum) noexcept;

/// "" for Checksum::none.
[[nodiscard]] std::string_view name_of(Checksum checksum) noexcept;

/// In bytes: 1, 2 or 4; 0 for Checksum::none.
[[nodiscard]] std::size_t size_of(Checksum checksum) noexcept;

[[nodiscard]] std::uint32_t compute(Checksum checksum, std::span<const std::byte> bytes);

}  // namespace drvbus::record

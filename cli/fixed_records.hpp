// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace drvbus::cli {

/// Records of one size, one after another. Numbers in them have the byte order of the machine.
class FixedRecords {
public:
    /// @param bytes outlives this object; an incomplete record at the end is ignored
    /// @param size of a record in bytes, not 0
    FixedRecords(std::span<const std::byte> bytes, std::size_t size) : bytes_(bytes), size_(size) {}

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t count() const noexcept { return bytes_.size() / size_; }

    /// The number at an offset in each record.
    /// @param width of the number in bytes: 4 or 8
    [[nodiscard]] std::vector<std::uint64_t> numbers(std::size_t offset, std::size_t width) const;

    /// Whether the number at an offset is a counter: it grows by one from record to record, and there are enough
    /// records to exclude chance.
    /// @param width of the number in bytes: 4 or 8
    [[nodiscard]] bool is_counter(std::size_t offset, std::size_t width) const;
    /// Whether there is a counter of 4 bytes at any offset that is a multiple of 4.
    [[nodiscard]] bool have_counter() const;

private:
    [[nodiscard]] std::uint64_t number(std::size_t record, std::size_t offset, std::size_t width) const;

    std::span<const std::byte> bytes_;
    std::size_t size_;
};

}  // namespace drvbus::cli

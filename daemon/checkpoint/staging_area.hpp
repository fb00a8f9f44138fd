// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/mapping.hpp"

namespace drvbus::checkpoint {

/// Input that was read from a device and is not yet framed, that is, divided into records.
///
/// A ring of bytes. It is mapped twice, one mapping after the other, so that every part is contiguous in memory.
/// Offsets count the bytes since the area was created; they do not wrap.
///
/// A process can be killed between read() and the call of `advance_end` that stores the new end. The next process
/// finds those bytes nevertheless: random fill bytes are written to the free space before each read(), and
/// `bytes_beyond_end` searches for the place where the fill bytes begin.
class StagingArea {
public:
    /// In bytes. Large enough for an event of the largest size and a part of another one.
    static constexpr std::size_t kCapacity = 262144;

    /// Where the input ends. It is stored with the input, because the next process needs both.
    struct Bounds {
        std::uint64_t end;       ///< offset after the newest byte
        std::uint64_t fill_end;  ///< bytes from `end` to this offset are fill bytes, except where a read() wrote
        std::uint64_t fill;      ///< eight random bytes, repeated; none of them is 0
    };

    /// The bounds of an empty area, with new fill bytes.
    /// @throws std::system_error
    [[nodiscard]] static Bounds empty();

    StagingArea() = default;
    /// @param bounds must outlive the area
    StagingArea(int file, off_t offset, Bounds& bounds) : memory_(file, offset, kCapacity, 2), bounds_(&bounds) {}

    explicit operator bool() const noexcept { return bounds_ != nullptr; }
    [[nodiscard]] std::uint64_t end() const noexcept { return bounds_->end; }

    /// The input from `offset` to the end.
    [[nodiscard]] std::span<const std::byte> from(std::uint64_t offset) const;

    /// Free space after the end, for one read(). It holds the fill bytes.
    /// @param begin offset of the oldest byte that is still needed; bytes before it are overwritten
    /// @param in_parts whether the device keeps what does not fit: the space is small at first, and grows each time a
    ///        read() fills it. Otherwise there is space for the largest payload
    [[nodiscard]] std::span<std::byte> free_space(std::uint64_t begin, bool in_parts = false);

    /// Returns the memory that holds no input to the system.
    /// @param begin offset of the oldest byte that is still needed
    void release_free_space(std::uint64_t begin) noexcept;

    /// Number of bytes that a read() wrote to the free space beyond the end. Bytes at the end of the input
    /// that equal the fill bytes are not counted. For random input, the result is too small in one of 256 cases.
    [[nodiscard]] std::size_t bytes_beyond_end() const noexcept;

    /// Moves the end past the `bytes` bytes that a read() wrote to the free space.
    void advance_end(std::size_t bytes) noexcept;

    /// Checks the bounds that another process wrote.
    /// @param begin offset of the oldest byte that is still needed
    /// @throws std::runtime_error if the bounds are impossible
    void check(std::uint64_t begin) const;

private:
    [[nodiscard]] std::byte fill_at(std::uint64_t offset) const noexcept;
    [[nodiscard]] bool is_fill(std::uint64_t offset, std::size_t size) const noexcept;
    void write_fill(std::uint64_t end) noexcept;

    static constexpr std::size_t kFirstPart = 4096;

    Mapping memory_;
    Bounds* bounds_ = nullptr;
    std::size_t part_ = kFirstPart;          ///< size of the free space for a read of a part of the input
    std::optional<std::uint64_t> released_;  ///< the end when the free space was released, if it was not used since
};

}  // namespace drvbus::checkpoint

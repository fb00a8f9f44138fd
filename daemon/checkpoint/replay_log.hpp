// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/mapping.hpp"
#include "record/sequence_counter.hpp"

namespace drvbus::checkpoint {

/// How far the input in the staging area has been framed into records of the replay log.
struct FramingProgress {
    std::uint64_t staged = 0;  ///< offset in the staging area: input before it is in the replay log
    std::uint64_t end = 0;     ///< offset in the replay log after the newest record
    record::SequenceCounter sequence;
};

/// The last records of a device that does not keep them itself: those that are not published yet, and before them as
/// many published ones as there is room for.
///
/// A ring of bytes, mapped twice in a row, so that every record is contiguous in memory. Offsets grow for ever.
class ReplayLog {
public:
    static constexpr std::size_t kCapacity = 262144;  ///< bytes

    /// The limits of the log. They are stored beside its bytes, because the next process needs both.
    struct Bounds {
        std::uint64_t begin;  ///< offset of the oldest record
        // Only the one that `current` selects is valid: the other may be half written.
        std::array<FramingProgress, 2> framing;
        std::uint32_t current;
        std::uint32_t in_use;  ///< 1: the log exists
    };

    /// The bounds of an empty log.
    /// @param at offset of its first record
    /// @param next_sequence of its first event
    [[nodiscard]] static Bounds empty(std::uint64_t at, std::uint64_t next_sequence);

    ReplayLog() = default;
    /// @param bounds must outlive the log
    ReplayLog(int file, off_t offset, Bounds& bounds) : memory_(file, offset, kCapacity, 2), bounds_(&bounds) {}

    explicit operator bool() const noexcept { return bounds_ != nullptr; }
    [[nodiscard]] std::uint64_t begin() const noexcept { return bounds_->begin; }
    [[nodiscard]] std::uint64_t end() const noexcept { return framing().end; }
    [[nodiscard]] const FramingProgress& framing() const noexcept { return bounds_->framing.at(bounds_->current); }

    /// The records from `offset` to the end.
    [[nodiscard]] std::span<const std::byte> from(std::uint64_t offset) const;

    /// Free space after the end for a record of the largest size. Removes the oldest records if necessary, but none at
    /// or after the offset `unpublished`.
    /// @returns empty if there is not enough
    [[nodiscard]] std::span<std::byte> free_space(std::uint64_t unpublished);

    /// Adds the records that were written to the free space, up to the offset `next.end`, and marks the input up to the
    /// offset `next.staged` as framed. Both happen at once, even if the process is killed.
    void commit(const FramingProgress& next) noexcept;

    /// @throws std::runtime_error unless the log consists of complete records, one of which begins at `unpublished`
    void check(std::uint64_t unpublished) const;

private:
    Mapping memory_;
    Bounds* bounds_ = nullptr;
};

}  // namespace drvbus::checkpoint

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
    std::uint64_t staging_begin = 0;   ///< offset in the staging area of the oldest byte that is not framed
    std::uint64_t log_end = 0;         ///< offset in the replay log after the newest record
    record::SequenceCounter sequence;  ///< after the newest record
    std::uint64_t framing_errors = 0;  ///< times that input was skipped because it is part of no record
    std::uint64_t skipping = 0;        ///< 1: the bytes from `staging_begin` on continue the bytes that are skipped
};

/// The last records of a device that does not keep them itself: all that are not yet committed, and before them as many
/// committed ones as fit.
///
/// A ring of bytes. It is mapped twice, one mapping after the other, so that every record is contiguous in memory.
/// Offsets count the bytes of all records of the channel; they do not wrap.
class ReplayLog {
public:
    static constexpr std::size_t kCapacity = 262144;  ///< bytes

    /// Stored with the records, because the next process needs both.
    struct Header {
        std::uint64_t begin;  ///< offset of the oldest record
        // Only the element with the index `current` is valid. The other one may be written only in part.
        std::array<FramingProgress, 2> framing_progress;
        std::uint32_t current;
        std::uint32_t in_use;  ///< 1: the log exists
    };

    /// The header of an empty log.
    /// @param at offset that its first record will have
    /// @param next_sequence sequence that its first event will have
    [[nodiscard]] static Header empty(std::uint64_t at, std::uint64_t next_sequence);

    ReplayLog() = default;
    /// @param header must outlive the log
    ReplayLog(int file, off_t offset, Header& header) : memory_(file, offset, kCapacity, 2), header_(&header) {}

    explicit operator bool() const noexcept { return header_ != nullptr; }
    [[nodiscard]] std::uint64_t begin() const noexcept { return header_->begin; }
    [[nodiscard]] std::uint64_t end() const noexcept { return framing_progress().log_end; }
    [[nodiscard]] const FramingProgress& framing_progress() const noexcept
    {
        return header_->framing_progress.at(header_->current);
    }

    /// The records from `offset` to the end.
    [[nodiscard]] std::span<const std::byte> from(std::uint64_t offset) const;

    /// Free space after the end, for one record of any size. Removes the oldest records if necessary.
    /// @param first_uncommitted offset of the first record that is not committed; it is not removed
    /// @returns empty if there is not enough free space
    [[nodiscard]] std::span<std::byte> free_space(std::uint64_t first_uncommitted);

    /// Appends the records that were written to the free space, up to the offset `next.log_end`, and marks the input up
    /// to the offset `next.staging_begin` as framed. If the process is killed meanwhile, either both happen or neither.
    void append(const FramingProgress& next) noexcept;

    /// Checks what another process wrote.
    /// @param record_begin offset at which a record must begin, or the end of the log
    /// @throws std::runtime_error if none begins there, or if the log does not consist of complete records
    void check(std::uint64_t record_begin) const;

private:
    Mapping memory_;
    Header* header_ = nullptr;
};

}  // namespace drvbus::checkpoint

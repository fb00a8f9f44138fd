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

/// The last records of a device which does not hold them itself: those not yet published, and behind them as many
/// published ones as there is room for. A ring of bytes; it stands in memory twice, one behind the other, so that
/// no record is ever in two pieces. Offsets never wrap.
class ReplayLog {
public:
    static constexpr std::size_t kCapacity = 262144;

    /// Where the log is. It lies with the bytes, for it has to outlive the process as they do.
    struct Bounds {
        std::uint64_t begin;  ///< of the oldest record
        // The one that is not current may be half written.
        std::array<FramingProgress, 2> framing;
        std::uint32_t current;
        std::uint32_t in_use;  ///< there is a log
    };

    /// Bounds of a log without any records.
    /// @param next_sequence of its first event
    [[nodiscard]] static Bounds empty(std::uint64_t at, std::uint64_t next_sequence);

    ReplayLog() = default;
    /// @param bounds outlives the log
    ReplayLog(int file, off_t offset, Bounds& bounds) : memory_(file, offset, kCapacity, 2), bounds_(&bounds) {}

    explicit operator bool() const noexcept { return bounds_ != nullptr; }
    [[nodiscard]] std::uint64_t begin() const noexcept { return bounds_->begin; }
    [[nodiscard]] std::uint64_t end() const noexcept { return framing().end; }
    [[nodiscard]] const FramingProgress& framing() const noexcept { return bounds_->framing.at(bounds_->current); }

    /// Everything from the offset `from` on.
    [[nodiscard]] std::span<const std::byte> since(std::uint64_t from) const;

    /// Room behind the end for a record of the largest size; the oldest records make way, if they come before
    /// `unpublished`. None where that is not enough.
    [[nodiscard]] std::span<std::byte> room(std::uint64_t unpublished);

    /// What stands in the room up to `next.end` is whole records, made of the stage's bytes up to `next.stage`: the
    /// two are said at once, so that a process that is killed leaves neither without the other.
    void commit(const FramingProgress& next) noexcept;

    /// @throws std::runtime_error unless it is one row of whole records up to `unpublished`
    void check(std::uint64_t unpublished) const;

private:
    Mapping memory_;
    Bounds* bounds_ = nullptr;
};

}  // namespace drvbus::checkpoint

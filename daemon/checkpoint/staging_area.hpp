// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/mapping.hpp"

namespace drvbus::checkpoint {

/// What has come from a device that does not hold it any longer, and is not yet made into records. A ring of
/// bytes; it stands in memory twice, one behind the other, so that nothing is ever in two pieces. Offsets never
/// wrap.
class StagingArea {
public:
    /// A piece of the largest size fits beside a part of another one.
    static constexpr std::size_t kCapacity = 262144;

    /// Where the stage is. It lies with the bytes, for it has to outlive the process as they do.
    struct Bounds {
        std::uint64_t end;     ///< behind the newest byte
        std::uint64_t marked;  ///< up to here the room holds `mark`, but for what a read() has put there
        std::uint64_t mark;    ///< eight bytes that nobody else knows
    };

    /// Bounds of a stage with nothing in it.
    [[nodiscard]] static Bounds empty();

    StagingArea() = default;
    /// @param bounds outlives the stage
    StagingArea(int file, off_t offset, Bounds& bounds) : memory_(file, offset, kCapacity, 2), bounds_(&bounds) {}

    explicit operator bool() const noexcept { return bounds_ != nullptr; }
    [[nodiscard]] std::uint64_t end() const noexcept { return bounds_->end; }

    /// Everything from the offset `from` on.
    [[nodiscard]] std::span<const std::byte> since(std::uint64_t from) const;

    /// Room behind the end, for a payload of the largest size at most; what comes before `taken` is not needed any
    /// longer. What is read into it is found by `arrived`, also by another process: one may be killed between
    /// read() and `added`.
    [[nodiscard]] std::span<std::byte> room(std::uint64_t taken);

    /// How many bytes a read() has put into the room of which `added` has not been told. Bytes at their end that
    /// are as the mark are not seen: one in 256 times it is one too few.
    [[nodiscard]] std::size_t arrived() const noexcept;

    /// So many bytes of the room are taken.
    void added(std::size_t bytes) noexcept;

    /// @throws std::runtime_error unless what follows `taken` can be there
    void check(std::uint64_t taken) const;

private:
    [[nodiscard]] std::byte mark_at(std::uint64_t offset) const noexcept;
    [[nodiscard]] bool is_marked(std::uint64_t offset, std::size_t size) const noexcept;
    void mark_up_to(std::uint64_t end) noexcept;

    Mapping memory_;
    Bounds* bounds_ = nullptr;
};

}  // namespace drvbus::checkpoint

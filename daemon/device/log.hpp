// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/types.h>

namespace drvbus::device {

/// Memory of a file, shared with whoever maps it next.
class Mapping {
public:
    Mapping() = default;
    /// @param times how often `size` bytes of the file stand in memory, one behind the other
    Mapping(int file, off_t offset, std::size_t size, unsigned times = 1);
    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&& other) noexcept;
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping();

    [[nodiscard]] std::byte* data() const noexcept { return data_; }
    explicit operator bool() const noexcept { return data_ != nullptr; }

private:
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

/// The last records that came from a device which does not hold them itself: those not yet published,
/// and behind them as many published ones as there is room for. A ring of bytes; it stands in memory
/// twice, one behind the other, so that no record is ever in two pieces. Offsets never wrap.
class Log {
public:
    /// Records of the largest size, and the part of another one, fit beside what is to be kept.
    static constexpr std::size_t kCapacity = 262144;

    /// Where the log is. It lies with the bytes, for it has to outlive the process as they do.
    struct Bounds {
        std::uint64_t begin;   ///< of the oldest record
        std::uint64_t end;     ///< behind the newest byte
        std::uint64_t marked;  ///< up to here the room holds `mark`, but for what a read() has put there
        std::uint64_t mark;    ///< eight bytes that nobody else knows
    };

    /// Bounds of a log without any records.
    [[nodiscard]] static Bounds empty(std::uint64_t at);

    Log() = default;
    /// @param bounds outlives the log
    Log(int file, off_t offset, Bounds& bounds) : memory_(file, offset, kCapacity, 2), bounds_(&bounds) {}

    explicit operator bool() const noexcept { return bounds_ != nullptr; }
    [[nodiscard]] std::uint64_t begin() const noexcept { return bounds_->begin; }
    [[nodiscard]] std::uint64_t end() const noexcept { return bounds_->end; }

    /// Everything from the offset `from` on; valid until `room` is called.
    [[nodiscard]] std::span<const std::byte> since(std::uint64_t from) const;

    /// Room behind the end for a record of the largest size; the oldest records make way. There is always
    /// enough of those if all whole records before `unpublished` are published. What is read into it is found
    /// by `arrived`, also by another process: one may be killed between read() and `added`.
    [[nodiscard]] std::span<std::byte> room(std::uint64_t unpublished);

    /// How many bytes a read() has put into the room, `skipped` bytes behind its front, of which `added` has not
    /// been told. Bytes at their end that are as the mark are not seen: one in 256 times it is one too few.
    [[nodiscard]] std::size_t arrived(std::size_t skipped) const noexcept;

    /// So many bytes of the room are taken.
    void added(std::size_t bytes) noexcept;

    /// Takes what follows the whole records from the offset `from` on away.
    void cut_partial(std::uint64_t from) noexcept;

    /// @throws std::runtime_error unless it is one row of whole records up to `unpublished`
    void check(std::uint64_t unpublished) const;

private:
    [[nodiscard]] std::byte mark_at(std::uint64_t offset) const noexcept;
    void mark_up_to(std::uint64_t end) noexcept;

    Mapping memory_;
    Bounds* bounds_ = nullptr;
};

}  // namespace drvbus::device

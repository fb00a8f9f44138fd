// SPDX-License-Identifier: LGPL-2.1-or-later
#include "checkpoint/staging_area.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include <linux/drvbus.h>
#include <sys/mman.h>
#include <unistd.h>

namespace drvbus::checkpoint {

namespace {

constexpr std::size_t kMaxRead = DRVBUS_PAYLOAD_MAX;
constexpr std::size_t kPageSize = 4096;  // a larger page is not released: madvise() fails
static_assert(StagingArea::kCapacity >= 2 * (sizeof(drvbus_record) + kMaxRead));

}  // namespace

StagingArea::Bounds StagingArea::empty()
{
    Bounds bounds{.end = 0, .fill_end = 0, .fill = 0};
    if (getentropy(&bounds.fill, sizeof(bounds.fill)) < 0)
        throw std::system_error(errno, std::generic_category(), "getentropy");
    bounds.fill |= 0x0101'0101'0101'0101U;  // no byte of it is 0, because devices send many zeros
    return bounds;
}

std::span<const std::byte> StagingArea::from(std::uint64_t offset) const
{
    return {memory_.data() + offset % kCapacity, static_cast<std::size_t>(end() - offset)};
}

std::span<std::byte> StagingArea::free_space(std::uint64_t begin, bool in_parts)
{
    const std::size_t size =
        std::min(static_cast<std::size_t>(kCapacity - (end() - begin)), in_parts ? part_ : kMaxRead);
    released_.reset();
    write_fill(end() + size);
    return {memory_.data() + end() % kCapacity, size};
}

std::byte StagingArea::fill_at(std::uint64_t offset) const noexcept
{
    return static_cast<std::byte>(bounds_->fill >> offset % sizeof(bounds_->fill) * 8);
}

/// Writes fill bytes from `fill_end` to `end`. It writes only as many bytes as read() has returned since the last
/// call.
void StagingArea::write_fill(std::uint64_t end) noexcept
{
    std::uint64_t at = std::max(bounds_->fill_end, this->end());
    for (; at < end && at % sizeof(bounds_->fill) != 0; ++at)
        memory_.data()[at % kCapacity] = fill_at(at);
    static_assert(std::endian::native == std::endian::little && kCapacity % sizeof(bounds_->fill) == 0);
    const std::span<std::byte> rest(memory_.data() + at % kCapacity, at < end ? static_cast<std::size_t>(end - at) : 0);
    std::size_t done = std::min(rest.size(), sizeof(bounds_->fill));
    std::memcpy(rest.data(), &bounds_->fill, done);
    for (std::size_t more = 0; done < rest.size(); done += more) {
        more = std::min(done, rest.size() - done);
        std::memcpy(rest.data() + done, rest.data(), more);
    }
    // Only after the fill bytes were written: otherwise `bytes_beyond_end` would count older bytes.
    std::atomic_ref(bounds_->fill_end).store(std::max(bounds_->fill_end, end), std::memory_order_release);
}

/// Whether `size` bytes from `offset` on are fill bytes. They are if the first eight are, and each other byte equals
/// the one eight positions before it.
bool StagingArea::is_fill(std::uint64_t offset, std::size_t size) const noexcept
{
    constexpr std::size_t kPeriod = sizeof(bounds_->fill);
    const std::byte* const first = memory_.data() + offset % kCapacity;
    for (std::size_t at = 0; at < std::min(size, kPeriod); ++at) {
        if (first[at] != fill_at(offset + at))
            return false;
    }
    return size <= kPeriod || std::memcmp(first, first + kPeriod, size - kPeriod) == 0;
}

std::size_t StagingArea::bytes_beyond_end() const noexcept
{
    std::uint64_t at = std::max(std::min(bounds_->fill_end, end() + kMaxRead), end());
    for (const std::size_t step : {4096U, 256U, 16U, 1U}) {
        while (at - end() >= step && is_fill(at - step, step))
            at -= step;
    }
    return static_cast<std::size_t>(at - end());
}

void StagingArea::release_free_space(std::uint64_t begin) noexcept
{
    if (released_ == end())
        return;
    const std::uint64_t first = (end() + kPageSize - 1) / kPageSize * kPageSize;
    const std::uint64_t last = begin / kPageSize * kPageSize + kCapacity;
    // Before the memory is released, because it reads as 0 afterwards, which is not a fill byte.
    std::atomic_ref(bounds_->fill_end).store(std::min(bounds_->fill_end, first), std::memory_order_release);
    if (first < last && madvise(memory_.data() + first % kCapacity, last - first, MADV_REMOVE) < 0)
        return;
    part_ = kFirstPart;
    released_ = end();
}

void StagingArea::advance_end(std::size_t bytes) noexcept
{
    if (bytes >= part_)
        part_ = std::min(4 * part_, kMaxRead);
    // Stored after the bytes of the input, because the process may be killed here.
    std::atomic_ref(bounds_->end).fetch_add(bytes, std::memory_order_release);
}

void StagingArea::check(std::uint64_t begin) const
{
    if (end() > INT64_MAX || begin > end() || end() - begin > kCapacity || bounds_->fill_end > begin + kCapacity)
        throw std::runtime_error("the bounds of its staging area are wrong");
}

}  // namespace drvbus::checkpoint

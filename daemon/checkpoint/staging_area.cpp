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
#include <unistd.h>

namespace drvbus::checkpoint {

namespace {

constexpr std::size_t kMostRead = DRVBUS_PAYLOAD_MAX;
static_assert(StagingArea::kCapacity >= 2 * (sizeof(drvbus_record) + kMostRead));

}  // namespace

StagingArea::Bounds StagingArea::empty()
{
    Bounds bounds{.end = 0, .marked = 0, .mark = 0};
    if (getentropy(&bounds.mark, sizeof(bounds.mark)) < 0)
        throw std::system_error(errno, std::generic_category(), "getentropy");
    bounds.mark |= 0x0101'0101'0101'0101U;  // no byte of it is 0, as so many of a device's are
    return bounds;
}

std::span<const std::byte> StagingArea::since(std::uint64_t from) const
{
    return {memory_.data() + from % kCapacity, static_cast<std::size_t>(end() - from)};
}

std::span<std::byte> StagingArea::room(std::uint64_t taken)
{
    const std::size_t size = std::min(static_cast<std::size_t>(kCapacity - (end() - taken)), kMostRead);
    mark_up_to(end() + size);
    return {memory_.data() + end() % kCapacity, size};
}

std::byte StagingArea::mark_at(std::uint64_t offset) const noexcept
{
    return static_cast<std::byte>(bounds_->mark >> offset % sizeof(bounds_->mark) * 8);
}

/// What was read has taken so many of the marks away as it has bytes: that is what this costs.
void StagingArea::mark_up_to(std::uint64_t end) noexcept
{
    std::uint64_t at = std::max(bounds_->marked, this->end());
    for (; at < end && at % sizeof(bounds_->mark) != 0; ++at)
        memory_.data()[at % kCapacity] = mark_at(at);
    static_assert(std::endian::native == std::endian::little && kCapacity % sizeof(bounds_->mark) == 0);
    const std::span<std::byte> rest(memory_.data() + at % kCapacity, at < end ? static_cast<std::size_t>(end - at) : 0);
    std::size_t done = std::min(rest.size(), sizeof(bounds_->mark));
    std::memcpy(rest.data(), &bounds_->mark, done);
    for (std::size_t more = 0; done < rest.size(); done += more) {
        more = std::min(done, rest.size() - done);
        std::memcpy(rest.data() + done, rest.data(), more);
    }
    // Not before the marks are there: what lay behind them would be taken for what was read.
    std::atomic_ref(bounds_->marked).store(std::max(bounds_->marked, end), std::memory_order_release);
}

/// The mark repeats itself: what begins with it, and is the same eight bytes further on, is nothing else.
bool StagingArea::is_marked(std::uint64_t offset, std::size_t size) const noexcept
{
    constexpr std::size_t kPeriod = sizeof(bounds_->mark);
    const std::byte* const first = memory_.data() + offset % kCapacity;
    for (std::size_t at = 0; at < std::min(size, kPeriod); ++at) {
        if (first[at] != mark_at(offset + at))
            return false;
    }
    return size <= kPeriod || std::memcmp(first, first + kPeriod, size - kPeriod) == 0;
}

std::size_t StagingArea::arrived() const noexcept
{
    std::uint64_t at = std::max(std::min(bounds_->marked, end() + kMostRead), end());
    for (const std::size_t step : {4096U, 256U, 16U, 1U}) {
        while (at - end() >= step && is_marked(at - step, step))
            at -= step;
    }
    return static_cast<std::size_t>(at - end());
}

void StagingArea::added(std::size_t bytes) noexcept
{
    // What ends the process here must not find the end before the bytes.
    std::atomic_ref(bounds_->end).fetch_add(bytes, std::memory_order_release);
}

void StagingArea::check(std::uint64_t taken) const
{
    if (end() > INT64_MAX || taken > end() || end() - taken > kCapacity || bounds_->marked > taken + kCapacity)
        throw std::runtime_error("the bounds of its stage are wrong");
}

}  // namespace drvbus::checkpoint

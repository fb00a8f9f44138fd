// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device/log.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <linux/drvbus.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device/event.hpp"

namespace drvbus::device {

namespace {

constexpr std::size_t kLargestRecord = sizeof(drvbus_record) + DRVBUS_PAYLOAD_MAX;
static_assert(Log::kCapacity >= 2 * kLargestRecord);

}  // namespace

Mapping::Mapping(int file, off_t offset, std::size_t size, unsigned times) : size_(size * times)
{
    // One piece of address space first, so that the copies lie side by side in it.
    void* const all = mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(), "mmap");
    data_ = static_cast<std::byte*>(all);
    for (unsigned i = 0; i < times; ++i) {
        if (mmap(data_ + i * size, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, offset) == MAP_FAILED) {
            const int error = errno;
            munmap(data_, size_);
            throw std::system_error(error, std::generic_category(), "mapping a file of the daemon's own");
        }
    }
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0))
{
}

Mapping& Mapping::operator=(Mapping&& other) noexcept
{
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

Mapping::~Mapping()
{
    if (data_ != nullptr)
        munmap(data_, size_);
}

Log::Bounds Log::empty(std::uint64_t at)
{
    Bounds bounds{.begin = at, .end = at, .marked = at, .mark = 0};
    if (getentropy(&bounds.mark, sizeof(bounds.mark)) < 0)
        throw std::system_error(errno, std::generic_category(), "getentropy");
    bounds.mark |= 0x0101'0101'0101'0101U;  // no byte of it is 0, as the padding of a record is
    return bounds;
}

std::span<const std::byte> Log::since(std::uint64_t from) const
{
    return {memory_.data() + from % kCapacity, static_cast<std::size_t>(end() - from)};
}

std::span<std::byte> Log::room(std::uint64_t unpublished)
{
    const auto free = [this] { return static_cast<std::size_t>(kCapacity - (end() - begin())); };
    while (free() < kLargestRecord && begin() < unpublished)
        bounds_->begin += parse_record(since(begin())).size;
    const std::size_t size = std::min(free(), kLargestRecord);
    mark_up_to(end() + size);
    return {memory_.data() + end() % kCapacity, size};
}

std::byte Log::mark_at(std::uint64_t offset) const noexcept
{
    return static_cast<std::byte>(bounds_->mark >> offset % sizeof(bounds_->mark) * 8);
}

/// What was read has taken so many of the marks away as it has bytes: that is what this costs.
void Log::mark_up_to(std::uint64_t end) noexcept
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

std::size_t Log::arrived(std::size_t skipped) const noexcept
{
    const std::uint64_t begin = end() + skipped;
    std::uint64_t at = std::max(std::min(bounds_->marked, end() + kLargestRecord), begin);
    while (at > begin && memory_.data()[(at - 1) % kCapacity] == mark_at(at - 1))
        --at;
    return static_cast<std::size_t>(at - begin);
}

void Log::added(std::size_t bytes) noexcept
{
    // What ends the process here must not find the end before the bytes.
    std::atomic_ref(bounds_->end).fetch_add(bytes, std::memory_order_release);
}

void Log::cut_partial(std::uint64_t from) noexcept
{
    for (;;) {
        const Record record = parse_record(since(from));
        if (record.state != Record::State::whole)
            break;
        from += record.size;
    }
    // What is cut off is no read() that nobody has told of.
    std::atomic_ref(bounds_->marked).store(from, std::memory_order_release);
    bounds_->end = from;
}

void Log::check(std::uint64_t unpublished) const
{
    std::uint64_t at = begin();
    if (end() > INT64_MAX || at > unpublished || unpublished > end() || end() - at > kCapacity)
        throw std::runtime_error("its bounds are wrong");
    if (bounds_->marked > begin() + kCapacity)
        throw std::runtime_error("its bounds are wrong");
    while (at < unpublished) {
        const Record record = parse_record(since(at));
        if (record.state != Record::State::whole)
            throw std::runtime_error("it holds what is no record");
        at += record.size;
    }
    if (at != unpublished)
        throw std::runtime_error("it goes on within a record");
}

}  // namespace drvbus::device

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "checkpoint/replay_log.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include <linux/drvbus.h>

#include "record/record.hpp"

namespace drvbus::checkpoint {

namespace {

constexpr std::size_t kLargestRecord = sizeof(drvbus_record) + DRVBUS_PAYLOAD_MAX;
static_assert(ReplayLog::kCapacity >= 2 * kLargestRecord);

}  // namespace

ReplayLog::Bounds ReplayLog::empty(std::uint64_t at, std::uint64_t next_sequence)
{
    Bounds bounds{};
    bounds.begin = at;
    bounds.framing_progress[0].log_end = at;
    bounds.framing_progress[0].sequence.next = next_sequence;
    bounds.in_use = 1;
    return bounds;
}

std::span<const std::byte> ReplayLog::from(std::uint64_t offset) const
{
    return {memory_.data() + offset % kCapacity, static_cast<std::size_t>(end() - offset)};
}

std::span<std::byte> ReplayLog::free_space(std::uint64_t first_uncommitted)
{
    const auto free = [this] { return static_cast<std::size_t>(kCapacity - (end() - begin())); };
    while (free() < kLargestRecord && begin() < first_uncommitted)
        std::atomic_ref(bounds_->begin).fetch_add(record::parse_record(from(begin())).size);
    if (free() < kLargestRecord)
        return {};
    return {memory_.data() + end() % kCapacity, kLargestRecord};
}

void ReplayLog::commit(const FramingProgress& next) noexcept
{
    const std::uint32_t other = 1 - bounds_->current;
    bounds_->framing_progress.at(other) = next;
    std::atomic_ref(bounds_->current).store(other, std::memory_order_release);
}

void ReplayLog::check(std::uint64_t record_begin) const
{
    if (bounds_->current > 1)
        throw std::runtime_error("its bounds are wrong");
    std::uint64_t at = begin();
    if (end() > INT64_MAX || at > record_begin || record_begin > end() || end() - at > kCapacity ||
        framing_progress().sequence.next == 0)
        throw std::runtime_error("its bounds are wrong");
    bool found = record_begin == end();
    while (at < end()) {
        found = found || at == record_begin;
        const record::Record record = record::parse_record(from(at));
        if (record.state != record::Record::State::complete)
            throw std::runtime_error("it holds something that is not a record");
        at += record.size;
    }
    if (!found)
        throw std::runtime_error("its position is inside a record");
}

}  // namespace drvbus::checkpoint

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

ReplayLog::Header ReplayLog::empty(std::uint64_t at, std::uint64_t next_sequence)
{
    Header header{};
    header.begin = at;
    header.framing_progress[0].log_end = at;
    header.framing_progress[0].sequence.next = next_sequence;
    header.in_use = 1;
    return header;
}

std::span<const std::byte> ReplayLog::from(std::uint64_t offset) const
{
    return {memory_.data() + offset % kCapacity, static_cast<std::size_t>(end() - offset)};
}

std::span<std::byte> ReplayLog::free_space(std::uint64_t first_uncommitted)
{
    const auto free = [this] { return static_cast<std::size_t>(kCapacity - (end() - begin())); };
    while (free() < kLargestRecord && begin() < first_uncommitted)
        std::atomic_ref(header_->begin).fetch_add(record::parse_record(from(begin())).size);
    if (free() < kLargestRecord)
        return {};
    return {memory_.data() + end() % kCapacity, kLargestRecord};
}

void ReplayLog::append(const FramingProgress& next) noexcept
{
    const std::uint32_t other = 1 - header_->current;
    header_->framing_progress.at(other) = next;
    std::atomic_ref(header_->current).store(other, std::memory_order_release);
}

void ReplayLog::check(std::uint64_t record_begin) const
{
    if (header_->current > 1)
        throw std::runtime_error("the header of its replay log is damaged");
    std::uint64_t at = begin();
    if (end() > INT64_MAX || at > record_begin || record_begin > end() || end() - at > kCapacity ||
        framing_progress().sequence.next == 0 || framing_progress().skipping > 1)
        throw std::runtime_error("the header of its replay log is damaged");
    bool found = record_begin == end();
    while (at < end()) {
        found = found || at == record_begin;
        const record::Record record = record::parse_record(from(at));
        if (record.state != record::Record::State::complete)
            throw std::runtime_error("its replay log holds bytes that are not a record");
        at += record.size;
    }
    if (!found)
        throw std::runtime_error("no record begins at its position in the replay log");
}

}  // namespace drvbus::checkpoint

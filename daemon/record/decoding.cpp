// SPDX-License-Identifier: LGPL-2.1-or-later
#include "record/decoding.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <linux/drvbus.h>

#include "format/encode.hpp"

namespace drvbus::record {

namespace {

std::uint64_t number_in(const format::Field& field, std::span<const std::byte> payload)
{
    return static_cast<std::uint64_t>(format::load_integer(field, format::Format::bytes_of(field, payload)));
}

// A gap in the numbers of a device is counted only if the sequence stays below this value. Otherwise, wrong numbers
// could bring the sequence near UINT64_MAX.
constexpr std::uint64_t kMaxSequenceAfterGap = std::uint64_t{1} << 61;

/// A part of the time. A part of 32 bits is unsigned: as seconds since 1970 it is valid until 2106.
std::int64_t time_number_in(const format::Field& field, std::span<const std::byte> payload)
{
    const std::uint64_t number = number_in(field, payload);
    return static_cast<std::int64_t>(format::size_of(field.type) == 4 ? number & UINT32_MAX : number);
}

/// A mask with as many low bits as the field has.
std::uint64_t mask_of(const format::Field& field)
{
    const unsigned bits = format::bits_of(field);
    return bits >= 64 ? UINT64_MAX : (std::uint64_t{1} << bits) - 1;
}

}  // namespace

/// The payload in the layout of the format, with the prefix; unchanged if it does not fit.
std::span<const std::byte> Decoder::complete_payload(std::span<const std::byte> payload, bool& fits)
{
    if (rules_->pattern) {
        std::optional<std::vector<std::byte>> encoded = rules_->pattern->encode(rules_->format, payload);
        fits = encoded && encoded->size() <= DRVBUS_PAYLOAD_MAX;
        if (!fits)
            return payload;
        buffer_ = std::move(*encoded);
        // The first fields of the format are those of the prefix. The pattern does not name them, so they are 0 so far.
        std::ranges::copy(prefix_, buffer_.begin());
        return buffer_;
    }
    const std::size_t size = prefix_.size() + payload.size();
    fits = size <= DRVBUS_PAYLOAD_MAX && rules_->format.fits(size);
    if (!fits || prefix_.empty())
        return payload;
    buffer_.assign(prefix_.begin(), prefix_.end());
    buffer_.insert(buffer_.end(), payload.begin(), payload.end());
    return buffer_;
}

/// The time that the device gave, as CLOCK_MONOTONIC; none if that is not a time since boot.
std::optional<std::uint64_t> Decoder::time_of(std::span<const std::byte> payload, std::uint64_t now) const
{
    std::int64_t time = 0;
    for (const TimeField& part : rules_->time) {
        std::int64_t ns = 0;
        if (__builtin_mul_overflow(time_number_in(part.field, payload), part.unit_ns, &ns) ||
            __builtin_add_overflow(time, ns, &time))
            return std::nullopt;
    }
    if (rules_->clock != CLOCK_MONOTONIC &&
        __builtin_add_overflow(time, static_cast<std::int64_t>(now - clock_(rules_->clock)), &time))
        return std::nullopt;
    return time < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(time));
}

/// @param fits whether the payload has the fields of the format
void Decoder::set_time(Event& event, bool fits, SequenceCounter& counter) const
{
    const std::uint64_t now = clock_(CLOCK_MONOTONIC);
    const std::optional<std::uint64_t> time = fits && !rules_->time.empty() ? time_of(event.payload, now) : now;
    if (time)
        event.time_ns = counter.order_time(*time, now);
    else
        event.flags |= kTimeUnknown;
}

/// Skips as many sequences as the device skipped numbers. The pump reports them as lost.
void Decoder::skip_gap(std::span<const std::byte> payload, SequenceCounter& counter) const
{
    const std::uint64_t mask = mask_of(*rules_->device_number);
    const std::uint64_t number = number_in(*rules_->device_number, payload) & mask;
    // A difference of more than half the range means that the number went back: the device was restarted.
    const std::uint64_t skipped = (number - counter.device_number - 1) & mask;
    if (counter.has_device_number != 0 && skipped <= mask / 2 && skipped < kMaxSequenceAfterGap &&
        counter.next < kMaxSequenceAfterGap - skipped)
        counter.next += skipped;
    counter.device_number = number;
    counter.has_device_number = 1;
}

std::uint32_t Decoder::id_of(std::span<const std::byte> payload) const
{
    std::uint32_t id = 0;
    for (const format::Field& field : rules_->id) {
        const auto part = static_cast<std::uint32_t>(number_in(field, payload) & mask_of(field));
        const unsigned bits = format::bits_of(field);
        id = bits >= 32 ? part : id << bits | part;
    }
    return id;
}

/// Marks an event by which the device says that it lost others, and the events after it up to the next resync event.
void Decoder::set_loss_flags(Event& event, SequenceCounter& counter) const
{
    if (rules_->losses.contains(event.id)) {
        event.flags |= kLoss;
        if (!rules_->resyncs.empty())
            counter.state |= SequenceCounter::kIncompletePart;
        return;
    }
    if ((counter.state & SequenceCounter::kIncompletePart) != 0)
        event.flags |= kIncomplete;
    if (rules_->resyncs.contains(event.id))
        counter.state &= ~SequenceCounter::kIncompletePart;
}

std::optional<Event> Decoder::decode(std::span<const std::byte> payload, SequenceCounter& counter)
{
    bool fits = false;
    Event event{};
    event.payload = complete_payload(payload, fits);
    if (fits)
        event.id = id_of(event.payload);
    if (fits && event.id == kMismatchId) {
        fits = false;
        event.payload = payload;
    }
    if (fits) {
        if (rules_->device_number)
            skip_gap(event.payload, counter);
        set_loss_flags(event, counter);
        if ((event.flags & kLoss) == 0 && rules_->ignored.contains(event.id))
            return std::nullopt;
    } else {
        event.id = kMismatchId;
        event.flags = kFormatMismatch;
    }
    set_time(event, fits, counter);
    if ((event.flags & kLoss) != 0)
        event.payload = {};
    event.sequence = counter.next++;
    return event;
}

std::string Decoder::explain_mismatch(std::span<const std::byte> payload) const
{
    if (rules_->pattern && !rules_->pattern->encode(rules_->format, payload))
        return rules_->pattern->explain_mismatch(rules_->format, payload);
    const std::size_t size = prefix_.size() + payload.size();
    if (!rules_->pattern && !rules_->format.fits(size))
        return rules_->format.explain_mismatch(size);
    return fmt::format("its id is {}, which is the id of events that do not fit the format", kMismatchId);
}

}  // namespace drvbus::record

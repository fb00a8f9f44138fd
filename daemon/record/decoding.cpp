// SPDX-License-Identifier: LGPL-2.1-or-later
#include "record/decoding.hpp"

#include <algorithm>
#include <utility>

#include <linux/drvbus.h>

#include "format/encode.hpp"

namespace drvbus::record {

namespace {

std::uint64_t now_ns(clockid_t clock)
{
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint64_t number_in(const format::Field& field, std::span<const std::byte> payload)
{
    return static_cast<std::uint64_t>(format::load_integer(field.type, format::Format::bytes_of(field, payload)));
}

// Whatever a device counts, there are numbers left.
constexpr std::uint64_t kMostSequence = std::uint64_t{1} << 61;

/// All bits that a field of the type has.
std::uint64_t mask_of(const format::Field& field)
{
    const std::size_t bits = 8 * format::size_of(field.type);
    return bits >= 64 ? UINT64_MAX : (std::uint64_t{1} << bits) - 1;
}

}  // namespace

/// The payload as the format has it; as the device has sent it where it does not fit.
std::span<const std::byte> Decoder::whole(std::span<const std::byte> payload, bool& fits)
{
    if (decoding_.pattern) {
        std::optional<std::vector<std::byte>> encoded = decoding_.pattern->encode(decoding_.format, payload);
        fits = encoded && encoded->size() <= DRVBUS_PAYLOAD_MAX;
        if (!fits)
            return payload;
        whole_ = std::move(*encoded);
        std::ranges::copy(prefix_, whole_.begin());
        return whole_;
    }
    const std::size_t size = prefix_.size() + payload.size();
    fits = size <= DRVBUS_PAYLOAD_MAX && decoding_.format.fits(size);
    if (!fits || prefix_.empty())
        return payload;
    whole_.assign(prefix_.begin(), prefix_.end());
    whole_.insert(whole_.end(), payload.begin(), payload.end());
    return whole_;
}

std::uint64_t Decoder::time_of(std::span<const std::byte> payload) const
{
    const std::uint64_t now = now_ns(CLOCK_MONOTONIC);
    if (decoding_.time.empty())
        return now;
    std::uint64_t time = 0;
    for (const TimeField& part : decoding_.time)
        time += number_in(part.field, payload) * part.unit_ns;
    return decoding_.clock == CLOCK_MONOTONIC ? time : time + now - now_ns(decoding_.clock);
}

/// What the device counted and did not hand out takes its sequences along: it is told as lost.
void Decoder::count(std::span<const std::byte> payload, SequenceCounter& counter) const
{
    const std::uint64_t mask = mask_of(*decoding_.sequence);
    const std::uint64_t number = number_in(*decoding_.sequence, payload) & mask;
    // Beyond the half it went back: the device has begun again.
    const std::uint64_t skipped = (number - counter.device - 1) & mask;
    if (counter.has_device != 0 && skipped <= mask / 2 && skipped < kMostSequence &&
        counter.next < kMostSequence - skipped)
        counter.next += skipped;
    counter.device = number;
    counter.has_device = 1;
}

std::optional<Event> Decoder::decode(std::span<const std::byte> payload, SequenceCounter& counter)
{
    bool fits = false;
    Event event{};
    event.payload = whole(payload, fits);
    if (fits) {
        for (const format::Field& field : decoding_.id) {
            const auto part = static_cast<std::uint32_t>(number_in(field, event.payload) & mask_of(field));
            const std::size_t bits = 8 * format::size_of(field.type);
            event.id = bits >= 32 ? part : event.id << bits | part;
        }
        if (decoding_.sequence)
            count(event.payload, counter);
        if (decoding_.ignored.contains(event.id))
            return std::nullopt;
    } else {
        event.flags = kFormatMismatch;
    }
    event.time_ns = fits ? time_of(event.payload) : now_ns(CLOCK_MONOTONIC);
    event.sequence = counter.next++;
    return event;
}

}  // namespace drvbus::record

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "format/format.hpp"
#include "format/pattern.hpp"
#include "record/record.hpp"
#include "record/sequence_counter.hpp"

namespace drvbus::record {

/// A field of the payload that holds a part of the time.
struct TimeField {
    format::Field field;
    std::uint64_t unit_ns;  ///< nanoseconds per unit of the field
};

/// How to find the id and the time of an event, and its number from the device, in its payload. For configured devices;
/// from the configuration.
struct DecodingRules {
    format::Format format;
    std::optional<format::Pattern> pattern;  ///< for a device that sends text
    std::vector<format::Field> id;           ///< parts of the event id, the most significant first; none: the id is 0
    std::vector<TimeField> time;             ///< the time is their sum; none: the time of the read
    clockid_t clock = CLOCK_MONOTONIC;       ///< the clock of the device, which gives `time`
    std::optional<format::Field> device_number;  ///< the device's own number of the event; a gap is reported as lost
    std::set<std::uint32_t> ignored;             ///< ids that are not published
    std::set<std::uint32_t> losses;   ///< ids by which the device says that it lost events, without their number
    std::set<std::uint32_t> resyncs;  ///< ids that end the events which are incomplete after such a loss
};

/// Makes events from the payloads of a configured device.
class Decoder {
public:
    Decoder() : Decoder(DecodingRules{}, {}) {}
    /// @param prefix the first fields of every payload: values that the setup read from the device, and constants
    /// @param clock the clocks of the system
    Decoder(DecodingRules rules, std::vector<std::byte> prefix, Clock clock = clock_ns)
        : Decoder(std::make_shared<const DecodingRules>(std::move(rules)), std::move(prefix), clock)
    {
    }
    /// @param rules not null; shared, because they are large
    Decoder(std::shared_ptr<const DecodingRules> rules, std::vector<std::byte> prefix, Clock clock = clock_ns)
        : rules_(std::move(rules)), prefix_(std::move(prefix)), clock_(clock)
    {
    }

    /// @param counter gives the event its sequence, and is then set to the next one; the time of the event is not
    /// before
    ///        that of the last event of `counter`
    /// @returns the event, valid until the next call and as long as `payload`; none if the event is ignored. An event
    ///          with the flag kLoss stands for the events that the device lost
    [[nodiscard]] std::optional<Event> decode(std::span<const std::byte> payload, SequenceCounter& counter);

    /// Why `decode` made a mismatch of this payload, in words for a message.
    [[nodiscard]] std::string explain_mismatch(std::span<const std::byte> payload) const;

private:
    [[nodiscard]] std::uint32_t id_of(std::span<const std::byte> payload) const;
    [[nodiscard]] std::span<const std::byte> complete_payload(std::span<const std::byte> payload, bool& fits);
    [[nodiscard]] std::optional<std::uint64_t> time_of(std::span<const std::byte> payload, std::uint64_t now) const;
    void set_time(Event& event, bool fits, SequenceCounter& counter) const;
    void set_loss_flags(Event& event, SequenceCounter& counter) const;
    void skip_gap(std::span<const std::byte> payload, SequenceCounter& counter) const;

    std::shared_ptr<const DecodingRules> rules_;
    std::vector<std::byte> prefix_;
    Clock clock_ = clock_ns;
    std::vector<std::byte> buffer_;  // kept to save allocations
};

}  // namespace drvbus::record

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "format/format.hpp"
#include "format/pattern.hpp"
#include "record/record.hpp"
#include "record/sequence_counter.hpp"

namespace drvbus::record {

/// A part of a time.
struct TimeField {
    format::Field field;
    std::uint64_t unit_ns;  ///< nanoseconds that 1 in it stands for
};

/// What of a payload says what the event is: from the configuration, for devices that know nothing of drvbus.
struct DecodingRules {
    format::Format format;
    std::optional<format::Pattern> pattern;  ///< the device sends texts
    std::vector<format::Field> id;           ///< the first one is the most significant; none: 0
    std::vector<TimeField> time;             ///< their sum; none: when it was read
    clockid_t clock = CLOCK_MONOTONIC;       ///< of `time`
    std::optional<format::Field> sequence;   ///< counts the device's events: what it passes over is lost
    std::set<std::uint32_t> ignored;         ///< ids of events that are none
};

/// Makes an event of each payload.
class Decoder {
public:
    Decoder() = default;
    /// @param front goes before each payload: what the setup has found out about the device
    Decoder(DecodingRules decoding, std::vector<std::byte> prefix)
        : decoding_(std::move(decoding)), prefix_(std::move(prefix))
    {
    }

    /// @param taken where its sequence goes on, which moves
    /// @returns none where it is to be ignored; else valid until the next call
    [[nodiscard]] std::optional<Event> decode(std::span<const std::byte> payload, SequenceCounter& counter);

private:
    [[nodiscard]] std::span<const std::byte> whole(std::span<const std::byte> payload, bool& fits);
    [[nodiscard]] std::uint64_t time_of(std::span<const std::byte> payload) const;
    void count(std::span<const std::byte> payload, SequenceCounter& counter) const;

    DecodingRules decoding_;
    std::vector<std::byte> prefix_;
    std::vector<std::byte> whole_;  // kept for its memory
};

}  // namespace drvbus::record

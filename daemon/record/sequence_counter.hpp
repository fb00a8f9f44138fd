// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <algorithm>
#include <cstdint>

namespace drvbus::record {

/// Gives the events of a configured device their sequences, and keeps their times in order. Part of the checkpoint: its
/// layout changes only together with kMagic in checkpoint.cpp.
struct SequenceCounter {
    /// The device lost events. What it sends until its next `resync` event is incomplete.
    static constexpr std::uint32_t kIncompletePart = 1;

    std::uint64_t next = 1;               ///< sequence of the next event
    std::uint64_t device_number = 0;      ///< the device's own number of the newest event, if it numbers its events
    std::uint32_t has_device_number = 0;  ///< 1: `device_number` is valid
    std::uint32_t state = 0;              ///< bits: kIncompletePart
    std::uint64_t last_time_ns = 0;       ///< CLOCK_MONOTONIC: time of the newest event, except those of unknown time

    /// The time of the next event: `time_ns`, but neither before the last event nor after `now_ns`. An event that was
    /// read is not in the future, and a clock that was set must not exchange causes and effects.
    [[nodiscard]] std::uint64_t order_time(std::uint64_t time_ns, std::uint64_t now_ns) noexcept
    {
        last_time_ns = std::clamp(time_ns, last_time_ns, std::max(last_time_ns, now_ns));
        return last_time_ns;
    }
};

}  // namespace drvbus::record

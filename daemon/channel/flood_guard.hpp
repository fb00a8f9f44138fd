// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>

namespace drvbus::channel {

/// A device had more events without being drained than its channel allows.
class FloodError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Prevents one device from keeping the processor busy. It detects a flood (a device that is never drained) and
/// spurious readiness (a device that is always reported as ready although a read finds nothing).
class FloodGuard {
public:
    /// Counts events since the device was last drained.
    /// @param events at least 1, also if all events of the read were ignored
    /// @param limit number of events without the device being drained that is a flood; 0: there is no limit
    /// @throws FloodError once `limit` is reached
    void count_events(std::uint64_t events, std::uint64_t limit);

    /// A read got input, but no event that is published.
    void input_received() noexcept { spurious_ = 0; }

    /// A read found nothing: the device is drained. Resets the flood count and the pause.
    /// @param readable whether poll() reports the device as readable nevertheless
    /// @returns whether to read once more: the input may have arrived after the read
    /// @throws std::runtime_error if the device was reported as readable without input several times in a row
    bool on_drained(bool readable);

    /// How long the daemon must not read a device that floods: 1 s at first. Each call doubles it, up to 30 s, until
    /// the device is drained.
    [[nodiscard]] std::chrono::milliseconds next_pause();

private:
    static constexpr std::chrono::milliseconds kFirstPause{1000};

    std::uint64_t events_ = 0;  ///< since the device was last drained
    int spurious_ = 0;          ///< reads in a row that found nothing although the device was readable
    std::chrono::milliseconds pause_ = kFirstPause;
};

}  // namespace drvbus::channel

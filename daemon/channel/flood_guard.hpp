// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>

namespace drvbus {

/// A device has more to say than the bus should carry.
class Flood : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Sees to it that no device keeps a processor busy, whatever it does: one that always has an event, and one that
/// always says that it has one.
class Calm {
public:
    /// So many events of the device were published.
    /// @param most without a break before it floods; 0: any number
    /// @throws Flood
    void published(std::uint64_t events, std::uint64_t most);

    /// The device had something, though no whole event.
    void came() noexcept { cries_ = 0; }

    /// The device had nothing, or nothing more.
    /// @param readable it says that it has something all the same
    /// @returns whether to look once more, for it may have come just now
    /// @throws std::runtime_error where it has said so too often
    bool empty(bool readable);

    /// Whether it has flooded, and has not been found empty since.
    [[nodiscard]] bool flooded() const noexcept { return flooded_; }

    /// How long one that floods is left alone: longer each time.
    [[nodiscard]] std::chrono::milliseconds pause();

private:
    static constexpr std::chrono::milliseconds kFirstPause{1000};

    std::uint64_t events_ = 0;  ///< since it was last found empty
    bool flooded_ = false;
    int cries_ = 0;
    std::chrono::milliseconds pause_ = kFirstPause;
};

}  // namespace drvbus

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "device/match.hpp"
#include "device/setup_step.hpp"
#include "record/decoding.hpp"
#include "record/framing.hpp"

namespace drvbus::device {

/// The settings of a configured device: a device that is not of class drvbus, and that a [[channel]] selects with
/// 'device' or 'match'. (A [[channel]] without these keys only changes a channel of class drvbus.)
struct Settings {
    /// Default of `flood`: the number of events that a processor can publish in about ten seconds.
    static constexpr std::uint64_t kDefaultFloodLimit = 1'000'000;

    std::string path;            ///< of a node, FIFO, socket or file; "fd:NAME": a file passed by the service manager
    std::optional<Match> match;  ///< finds the device if there is no path
    record::Framing framing;
    record::DecodingRules decoding;
    bool priority_only = false;    ///< key 'priority': the driver reports events with POLLPRI only
    std::vector<SetupStep> setup;  ///< steps that run once, after the device was opened
    /// Steps that run before the first read, and before a read that follows one with input.
    std::vector<SetupStep> rearm;
    /// Registers an eventfd with the driver; null: the daemon passes no eventfd.
    std::shared_ptr<const SetupStep> eventfd_step;
    std::shared_ptr<const IoctlStep> fetch;  ///< returns one event; replaces read(); null: the daemon reads the device
    bool shared = false;                     ///< accepts that other channels with `shared` use the device
    /// Number of events without the device being drained that is a flood; 0: there is no limit.
    std::uint64_t flood_limit = kDefaultFloodLimit;
    /// Of all members above except `decoding`. Two devices with the same hash are the same device.
    std::uint64_t hash = 0;

    /// The path; without one, the match rule in words.
    [[nodiscard]] std::string path_or_match() const { return match ? to_string(*match) : path; }
    /// Whether the device must be opened for writing.
    [[nodiscard]] bool writes() const;
};

}  // namespace drvbus::device

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "device/match.hpp"
#include "device/setup_step.hpp"
#include "record/decoding.hpp"
#include "record/framing.hpp"

namespace drvbus::device {

/// The configuration of a device whose driver does not use drvbus.
struct Settings {
    /// Default of `flood`: as many events as a processor can publish in about ten seconds.
    static constexpr std::uint64_t kFlood = 1'000'000;

    std::string path;            ///< of a node, FIFO, socket or file; "fd:NAME": a file passed by the service manager
    std::optional<Match> match;  ///< instead of a path
    record::Framing framing;
    record::DecodingRules decoding;
    bool urgent_only = false;          ///< the driver reports events with POLLPRI only
    std::vector<SetupStep> setup;      ///< after opening the device
    std::vector<SetupStep> rearm;      ///< after `setup`, and again after each read
    std::optional<SetupStep> eventfd;  ///< registers an eventfd with the driver
    std::optional<IoctlStep> fetch;    ///< returns an event; replaces read()
    std::uint64_t flood = kFlood;      ///< events without the device being drained before it is paused; 0: no limit
    std::uint64_t hash = 0;            ///< of all members above except `decoding`

    /// The path, or the match rule, in words.
    [[nodiscard]] std::string device() const { return match ? to_string(*match) : path; }
    /// Whether the device must be opened for writing.
    [[nodiscard]] bool writes() const;
};

}  // namespace drvbus::device

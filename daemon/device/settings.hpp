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

/// What the configuration says of a device that no drvbus driver stands behind.
struct Settings {
    /// Events that a device may have one after another, without once having none, before it is taken for one that
    /// floods: some ten seconds of all that a processor can publish.
    static constexpr std::uint64_t kFlood = 1'000'000;

    std::string path;            ///< of a node, a FIFO, a socket, a file; "fd:NAME" for a file of the service manager's
    std::optional<Match> match;  ///< instead of a path
    record::Framing framing;
    record::DecodingRules decoding;
    bool urgent_only = false;          ///< poll() tells of news as urgent ones (POLLPRI), and of nothing else
    std::vector<SetupStep> setup;      ///< once it is open
    std::vector<SetupStep> rearm;      ///< behind `setup`, and again after each read
    std::optional<SetupStep> eventfd;  ///< hands an eventfd over
    std::optional<IoctlStep> fetch;    ///< gets an event, instead of a read()
    std::uint64_t flood = kFlood;      ///< 0: it may
    std::uint64_t hash = 0;            ///< differs where what is above differs, but for `decoding`

    /// In words: the path, or what it is matched by.
    [[nodiscard]] std::string device() const { return match ? to_string(*match) : path; }
    /// Whether the device has to be open for writing.
    [[nodiscard]] bool writes() const;
};

}  // namespace drvbus::device

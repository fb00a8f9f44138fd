// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

namespace drvbus::record {

/// Numbers the events of a device that does not use drvbus sequences. Part of the checkpoint: its layout changes only
/// together with the checkpoint's magic.
struct SequenceCounter {
    std::uint64_t next = 1;        ///< sequence of the next event
    std::uint64_t device = 0;      ///< the device's own number of the newest event, if it numbers its events
    std::uint32_t has_device = 0;  ///< 1: `device` is valid
    std::uint32_t reserved = 0;
};

}  // namespace drvbus::record

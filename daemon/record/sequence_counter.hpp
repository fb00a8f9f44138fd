// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>

namespace drvbus::record {

/// Gives the events of a configured device their sequences. Part of the checkpoint: its layout changes only together
/// with kMagic in checkpoint.cpp.
struct SequenceCounter {
    std::uint64_t next = 1;               ///< sequence of the next event
    std::uint64_t device_number = 0;      ///< the device's own number of the newest event, if it numbers its events
    std::uint32_t has_device_number = 0;  ///< 1: `device_number` is valid
    std::uint32_t reserved = 0;
};

}  // namespace drvbus::record

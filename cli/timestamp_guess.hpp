// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <span>

namespace drvbus::cli {

/// Whether numbers are time stamps in nanoseconds. Depends on its arguments only.
/// @param values one number of each record, in the order in which the records were read
/// @param read_times when each of these records was read, in nanoseconds on the clock of the time stamps; of the same
/// size as `values`
[[nodiscard]] bool are_timestamps_ns(std::span<const std::uint64_t> values, std::span<const std::uint64_t> read_times);

/// Whether numbers are time stamps in seconds since 1970.
/// @param values, read_times as for are_timestamps_ns(), the latter on the realtime clock, in nanoseconds
[[nodiscard]] bool are_timestamps_s(std::span<const std::uint64_t> values, std::span<const std::uint64_t> read_times);

}  // namespace drvbus::cli

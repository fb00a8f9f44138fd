// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/clocks.hpp"
#include "cli/fixed_records.hpp"

namespace drvbus::cli {

/// The likely fields of a record.
struct FieldGuess {
    std::string format;                 ///< a format, as in the configuration, of exactly the size of a record
    std::vector<std::string> settings;  ///< lines of a [[channel]] that refer to its fields
};

/// Guesses counters and time stamps, and names all other bytes by their offset. Depends on its arguments only.
/// @param records at least one
/// @param read_times when each of the records was read; of the size records.count()
[[nodiscard]] FieldGuess guess_fields(const FixedRecords& records, std::span<const Clocks> read_times);

}  // namespace drvbus::cli

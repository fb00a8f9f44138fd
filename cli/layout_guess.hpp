// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "cli/field_guess.hpp"
#include "cli/recorder.hpp"

namespace drvbus::cli {

/// The likely structure of a device's data.
struct Layout {
    enum class Kind : std::uint8_t {
        no_data,
        drvbus_records,  ///< struct drvbus_record
        text_lines,
        text,          ///< without a delimiter
        input_events,  ///< struct input_event
        fixed,         ///< records of one size
        unknown,
    };

    Kind kind = Kind::no_data;
    std::size_t size = 0;     ///< of a record in bytes, if the kind is fixed
    FieldGuess fields;        ///< of a record, if the kind is fixed
    std::string delimiter{};  ///< of text_lines, as TOML; empty: LF or CR LF
    std::string description;  ///< for the user
};

/// Depends on its argument only.
[[nodiscard]] Layout guess_layout(const Recording& recording);

}  // namespace drvbus::cli

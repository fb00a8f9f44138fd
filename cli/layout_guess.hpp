// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

#include "cli/field_guess.hpp"
#include "cli/recorder.hpp"
#include "record/framing.hpp"

namespace drvbus::cli {

/// What the bytes that came seem to be.
struct Layout {
    enum class Sort : std::uint8_t { nothing, records, text_lines, text, input_events, fixed, unknown };

    Sort sort = Sort::nothing;
    std::size_t size = 0;  ///< of Sort::fixed: bytes of a record
    FieldGuess fields;     ///< likewise
    std::string reason;    ///< in words
};

/// @param now when the last of it was read
[[nodiscard]] Layout guess_layout(const Recording& recording, const Clocks& now);

}  // namespace drvbus::cli

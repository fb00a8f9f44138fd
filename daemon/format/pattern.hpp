// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "format/format.hpp"

namespace drvbus::format {

/// A pattern is not valid. The text says what would be right.
class PatternError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Splits the text that a device sends into the fields of a format. For example, `{priority},{sequence};{text}` has the
/// names of three fields, separated by literal text. Each field extends to the next literal text, the last field to the
/// end.
class Pattern {
public:
    /// @param format of the payloads that `encode` makes
    /// @throws PatternError
    Pattern(std::string_view text, const Format& format);

    /// Makes a payload from the values in `text`. Fields that are not in the pattern are zero.
    /// @returns none if the text does not match the pattern, or a value does not fit its field
    [[nodiscard]] std::optional<std::vector<std::byte>> encode(const Format& format,
                                                               std::span<const std::byte> text) const;

private:
    struct Part {
        std::string name;
        std::string until;  ///< literal text after the field; empty: the end of the text
    };

    std::string prefix_;  ///< literal text before the first field
    std::vector<Part> parts_;
};

}  // namespace drvbus::format

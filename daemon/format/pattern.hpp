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

/// A pattern is wrong; the text says what would be right.
class PatternError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Takes a text apart into the fields of a format: `{priority},{sequence};{text}` are the names of fields, and what
/// stands between them. A field takes what comes before the next such text, the last one all that is left.
class Pattern {
public:
    /// @throws PatternError
    Pattern(std::string_view text, const Format& format);

    /// The payload with the values that stand in `text`; fields that the pattern does not name are zero. None
    /// where the text is not as the pattern, or a value does not fit its field.
    [[nodiscard]] std::optional<std::vector<std::byte>> encode(const Format& format,
                                                               std::span<const std::byte> text) const;

private:
    struct Part {
        std::string name;
        std::string until;  ///< empty: the end
    };

    std::string front_;
    std::vector<Part> parts_;
};

}  // namespace drvbus::format

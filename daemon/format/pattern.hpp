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
#include "format/regex.hpp"

namespace drvbus::format {

/// A pattern is not valid. The text says what would be right.
class PatternError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Splits the text that a device sends into the fields of a format. docs/formats.md describes patterns. For example,
/// `{priority},{sequence};{text}` has the names of three fields, separated by literal text.
///
/// A pattern is a regular expression of PCRE2. The effort of a match is limited, so that no text of a device can keep
/// the processor busy.
class Pattern {
public:
    /// @param format of the payloads that `encode` makes, from Source::pattern
    /// @throws PatternError
    Pattern(std::string_view text, const Format& format);

    /// Makes a payload from the values in `text`. Fields that are not in the pattern, or only in an optional part that
    /// the text does not have, are zero.
    /// @returns none if the text does not match the pattern, or a value does not fit its field
    [[nodiscard]] std::optional<std::vector<std::byte>> encode(const Format& format,
                                                               std::span<const std::byte> text) const;

    /// Why `encode` returns none, in words for a message: the text, the pattern, and where they differ. This is slow.
    [[nodiscard]] std::string explain_mismatch(const Format& format, std::span<const std::byte> text) const;

private:
    /// A part of the pattern.
    struct Part {
        enum class Kind : std::uint8_t { literal, field, optional };
        Kind kind;
        std::string text;        ///< the literal text, the name of the field, or the optional part in the pattern
        std::string expression;  ///< the regular expression for the part
    };

    std::size_t add_part(std::string_view text, std::size_t at, const Format& format, std::vector<Part>& parts);
    std::size_t add_field(std::string_view text, std::size_t at, const Format& format, std::vector<Part>& parts);
    std::size_t add_optional(std::string_view text, std::size_t at, const Format& format, std::vector<Part>& parts);
    [[nodiscard]] std::string describe_difference(const Format& format, std::string_view text) const;

    std::string text_;
    std::vector<Part> parts_;
    std::vector<std::string> fields_;  ///< names, in the order of the groups of the expression
    regex::Code code_;
};

}  // namespace drvbus::format

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace drvbus::format {

/// Type of one element of a field. Integers and floats are in the machine's byte order.
enum class Type : std::uint8_t { u8, s8, u16, s16, u32, s32, u64, s64, f32, f64, boolean, character };

/// How many elements a field has: one, a fixed number, or all that are left of the payload.
enum class Shape : std::uint8_t { single, array, rest };

/// Bytes that one element of `type` takes in a payload.
[[nodiscard]] std::size_t size_of(Type type) noexcept;

/// One named part of a payload.
struct Field {
    std::string name;
    Type type{};
    Shape shape{};
    std::uint32_t count{};  ///< elements of Shape::array
    std::size_t offset{};   ///< bytes from the start of the payload
    bool padding{};         ///< a name with a leading '_': takes room, is not published
    std::string signature;  ///< D-Bus signature of its value, such as "u" or "an"
};

/// Bytes that the field takes; 0 for Shape::rest.
[[nodiscard]] std::size_t size_of(const Field& field) noexcept;

/// A format text is wrong; line and column count from 1.
class ParseError : public std::runtime_error {
public:
    ParseError(std::size_t line, std::size_t column, const std::string& what_is_wrong);

    std::size_t line;
    std::size_t column;
};

/// How the bytes of a payload become typed, named values (docs/formats.md has the language).
class Format {
public:
    enum class Kind : std::uint8_t {
        bytes,       ///< no format: the payload is published as `ay`
        parameters,  ///< "u32[]": bare parameters, published as `au`
        fields,      ///< named fields, published as `a{sv}`
    };

    Format() = default;

    /// Parses `text`; an empty one (or one of white space alone) is Kind::bytes.
    /// @throws ParseError
    [[nodiscard]] static Format parse(std::string_view text);

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    [[nodiscard]] const std::vector<Field>& fields() const noexcept { return fields_; }

    /// Whether a payload of `length` bytes is filled by this format with nothing left over.
    [[nodiscard]] bool fits(std::size_t length) const noexcept;

    /// Bytes of all fields but one of Shape::rest.
    [[nodiscard]] std::size_t fixed_size() const noexcept { return fixed_size_; }

    /// What `fits` wants, in words for a log line, such as "12 bytes".
    [[nodiscard]] std::string wanted() const;

    /// The bytes of `field` in `payload`, which must fit this format.
    [[nodiscard]] static std::span<const std::byte> bytes_of(const Field& field, std::span<const std::byte> payload);

private:
    Kind kind_ = Kind::bytes;
    std::string text_;
    std::vector<Field> fields_;
    std::size_t fixed_size_ = 0;  ///< bytes of all fields but a Shape::rest
    std::size_t rest_unit_ = 0;   ///< bytes of one element of the Shape::rest field; 0: there is none

    friend class Parser;
};

}  // namespace drvbus::format

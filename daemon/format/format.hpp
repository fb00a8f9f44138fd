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

/// How many elements a field has: one, a fixed number, or as many as the rest of the payload holds.
enum class Shape : std::uint8_t { single, array, rest };

/// Size in bytes of one element of `type` in a payload.
[[nodiscard]] std::size_t size_of(Type type) noexcept;

/// One named part of a payload.
struct Field {
    std::string name;
    Type type{};
    Shape shape{};
    std::uint32_t count{};  ///< elements of Shape::array
    std::size_t offset{};   ///< bytes from the start of the payload
    bool padding{};         ///< its name begins with '_': it is not published
    std::string signature;  ///< D-Bus signature of its value, such as "u" or "an"
};

/// Size in bytes of the field; 0 for Shape::rest.
[[nodiscard]] std::size_t size_of(const Field& field) noexcept;

/// The text of a format is not valid. Line and column begin at 1.
class ParseError : public std::runtime_error {
public:
    ParseError(std::size_t line, std::size_t column, const std::string& what_is_wrong);

    std::size_t line;
    std::size_t column;
};

/// Describes the fields of a payload (docs/formats.md defines the language). Immutable after `parse`.
class Format {
public:
    enum class Kind : std::uint8_t {
        bytes,       ///< no format: the payload is published as `ay`
        parameters,  ///< "u32[]": numbers without field names, published as `au`
        fields,      ///< named fields, published as `a{sv}`
    };

    Format() = default;

    /// Parses `text`. If it is empty or only white space, the result is of Kind::bytes.
    /// @throws ParseError
    [[nodiscard]] static Format parse(std::string_view text);

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    [[nodiscard]] const std::vector<Field>& fields() const noexcept { return fields_; }

    /// Whether a payload of `length` bytes has exactly these fields.
    [[nodiscard]] bool fits(std::size_t length) const noexcept;

    /// Size in bytes of all fields except one of Shape::rest.
    [[nodiscard]] std::size_t fixed_size() const noexcept { return fixed_size_; }

    /// The sizes that `fits` accepts, in words for a message, such as "12 bytes".
    [[nodiscard]] std::string accepted_sizes() const;

    /// The bytes of `field` in `payload`, which must fit this format.
    [[nodiscard]] static std::span<const std::byte> bytes_of(const Field& field, std::span<const std::byte> payload);

private:
    Kind kind_ = Kind::bytes;
    std::string text_;
    std::vector<Field> fields_;
    std::size_t fixed_size_ = 0;  ///< bytes
    std::size_t rest_unit_ = 0;   ///< size in bytes of one element of the Shape::rest field; 0: there is no such field

    friend class Parser;
};

}  // namespace drvbus::format

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "format/format.hpp"

namespace drvbus::format {

/// A value for a field: a number, a boolean, a string, or the elements of an array.
using Value = std::variant<std::int64_t, double, bool, std::string, std::vector<std::int64_t>>;

/// A value does not fit its field, or the format has no field of this name. The text says what would be right.
class EncodeError : public std::runtime_error {
public:
    EncodeError(std::string field_name, const std::string& what)
        : std::runtime_error(what), field(std::move(field_name))
    {
    }

    std::string field;  ///< its name
};

/// Makes a payload from values.
/// @param values by the name of their field, without its scale. A field without a value is zero. A field of Shape::rest
///        is as long as its value.
/// @throws EncodeError
[[nodiscard]] std::vector<std::byte> encode(const Format& format, const std::map<std::string, Value>& values);

/// Writes the integer `value` as one element of a field, whose other bits do not change.
/// @param into the bytes of the element
/// @returns false if it is out of range, or the field is not of an integer type
[[nodiscard]] bool store_integer(const Field& field, std::int64_t value, std::span<std::byte> into) noexcept;

/// Reads one element of a field of an integer type, without its scale and its names. A u64 beyond the range of
/// std::int64_t becomes the negative number with the same bits.
/// @param from begins with the bytes of the element
[[nodiscard]] std::int64_t load_integer(const Field& field, std::span<const std::byte> from) noexcept;

/// Reads one element of a field of a number type, with its scale.
/// @param from begins with the bytes of the element
[[nodiscard]] double load_scaled(const Field& field, std::span<const std::byte> from) noexcept;

/// Whether elements of `type` are integers.
[[nodiscard]] bool is_integer(Type type) noexcept;
/// Number of bits of a field of an integer type.
[[nodiscard]] unsigned bits_of(const Field& field) noexcept;
/// Whether they are integers without a sign.
[[nodiscard]] bool is_unsigned(Type type) noexcept;

}  // namespace drvbus::format

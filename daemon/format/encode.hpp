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

/// A value for a field: a number, a text, or the elements of an array.
using Value = std::variant<std::int64_t, double, bool, std::string, std::vector<std::int64_t>>;

/// A value does not fit its field, or has no field. The text says what would be right.
class EncodeError : public std::runtime_error {
public:
    EncodeError(std::string of, const std::string& what) : std::runtime_error(what), field(std::move(of)) {}

    std::string field;
};

/// Makes a payload of values, which are given by the names of their fields. Fields without a value are zero. A field of
/// Shape::rest is as long as its value.
/// @throws EncodeError
[[nodiscard]] std::vector<std::byte> encode(const Format& format, const std::map<std::string, Value>& values);

/// Writes the integer `value` as one element of `type`.
/// @returns false if it is out of range, or `type` is not an integer type
[[nodiscard]] bool store(Type type, std::int64_t value, std::span<std::byte> into) noexcept;

/// Reads one element of an integer type. A u64 beyond the range of the result becomes the negative number with the same
/// bits.
[[nodiscard]] std::int64_t load_integer(Type type, std::span<const std::byte> from) noexcept;

/// Whether elements of `type` are integers.
[[nodiscard]] bool is_integer(Type type) noexcept;

}  // namespace drvbus::format

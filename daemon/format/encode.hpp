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

/// A value that its field cannot hold, or that has no field; the text says what would be right.
class EncodeError : public std::runtime_error {
public:
    EncodeError(std::string of, const std::string& what) : std::runtime_error(what), field(std::move(of)) {}

    std::string field;
};

/// The bytes of a payload with these values by the names of the fields; fields without a value are zero. What
/// `Shape::rest` holds is as long as its value.
/// @throws EncodeError
[[nodiscard]] std::vector<std::byte> encode(const Format& format, const std::map<std::string, Value>& values);

/// Writes the integer `value` as one element of `type`.
/// @returns false where it is out of the type's range, or the type holds no integer
[[nodiscard]] bool store(Type type, std::int64_t value, std::span<std::byte> into) noexcept;

/// Reads one element that is an integer; unsigned ones beyond the range of the result wrap.
[[nodiscard]] std::int64_t load_integer(Type type, std::span<const std::byte> from) noexcept;

/// Whether elements of `type` are integers.
[[nodiscard]] bool is_integer(Type type) noexcept;

}  // namespace drvbus::format

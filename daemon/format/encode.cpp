// SPDX-License-Identifier: LGPL-2.1-or-later
#include "format/encode.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace drvbus::format {

namespace {

using Number = std::array<std::byte, 8>;

/// The bytes of one element in the machine's byte order, followed by zeros.
Number load_bytes(const Field& field, std::span<const std::byte> from) noexcept
{
    Number bytes{};
    const std::span<const std::byte> element = from.first(size_of(field.type));
    if (field.conversion.swapped)
        std::ranges::reverse_copy(element, bytes.begin());
    else
        std::ranges::copy(element, bytes.begin());
    return bytes;
}

void store_bytes(const Field& field, std::uint64_t value, std::span<std::byte> into) noexcept
{
    const std::span<std::byte> element = into.first(size_of(field.type));
    std::memcpy(element.data(), &value, element.size());
    if (field.conversion.swapped)
        std::ranges::reverse(element);
}

/// A mask with the lowest `bits` bits.
std::uint64_t mask_of(unsigned bits) noexcept
{
    return bits >= 64 ? UINT64_MAX : (std::uint64_t{1} << bits) - 1;
}

bool is_in_range(const Field& field, std::int64_t value) noexcept
{
    const unsigned bits = bits_of(field);
    // Numbers in TOML are signed. The configuration gives a u64 beyond their range as the negative number with the same
    // bits.
    if (bits == 64)
        return true;
    if (is_unsigned(field.type))
        return value >= 0 && static_cast<std::uint64_t>(value) <= mask_of(bits);
    const std::int64_t limit = std::int64_t{1} << (bits - 1);
    return value >= -limit && value < limit;
}

void store_float(const Field& field, double value, std::span<std::byte> into) noexcept
{
    if (field.type == Type::f64) {
        store_bytes(field, std::bit_cast<std::uint64_t>(value), into);
        return;
    }
    store_bytes(field, std::bit_cast<std::uint32_t>(static_cast<float>(value)), into);
}

/// Stores the value of one field. std::visit calls the operator for the type of the value.
class Writer {
public:
    Writer(const Field& field, std::span<std::byte> into) : field_(field), into_(into) {}

    void operator()(std::int64_t value) const
    {
        require_single();
        if (field_.type == Type::f32 || field_.type == Type::f64)
            store_number(static_cast<double>(value));
        else if (!store_integer(field_, value, into_))
            fail(fmt::format("{} is out of range for the type of the field", value));
    }

    void operator()(double value) const
    {
        require_single();
        store_number(value);
    }

    void operator()(bool value) const
    {
        require_single();
        if (field_.type != Type::boolean)
            fail("true and false are for fields of type bool");
        into_.front() = static_cast<std::byte>(value);
    }

    void operator()(const std::string& value) const
    {
        if (field_.type != Type::character && field_.type != Type::pairs)
            fail("a string is for fields of type char");
        if (value.size() > into_.size())
            fail(fmt::format("the string has {} bytes, the field has {}", value.size(), into_.size()));
        std::memcpy(into_.data(), value.data(), value.size());
    }

    void operator()(const std::vector<std::int64_t>& values) const
    {
        const std::size_t size = size_of(field_.type);
        if (field_.shape == Shape::single)
            fail("the field is not an array");
        if (values.size() > into_.size() / size)
            fail(fmt::format("there are {} values for {} elements", values.size(), into_.size() / size));
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (!store_integer(field_, values[i], into_.subspan(i * size, size)))
                fail(fmt::format("{} is out of range for the type of the field", values[i]));
        }
    }

private:
    [[noreturn]] void fail(const std::string& what) const { throw EncodeError(field_.name, what); }

    void require_single() const
    {
        if (field_.shape != Shape::single)
            fail("it is an array: its value is a list, such as [1, 2]");
    }

    void store_number(double value) const
    {
        if (field_.type != Type::f32 && field_.type != Type::f64)
            fail("a number with a fraction is for fields of type f32 and f64");
        store_float(field_, value, into_);
    }

    const Field& field_;
    std::span<std::byte> into_;
};

/// Number of elements of a field that extends to the end of the payload.
std::size_t elements_of(const Value* value)
{
    if (const auto* const text = value != nullptr ? std::get_if<std::string>(value) : nullptr)
        return text->size();
    if (const auto* const list = value != nullptr ? std::get_if<std::vector<std::int64_t>>(value) : nullptr)
        return list->size();
    return 0;
}

std::size_t size_in(const Field& field, const Value* value)
{
    return field.shape == Shape::rest ? elements_of(value) * size_of(field.type) : size_of(field);
}

/// Appends the elements of a field of Shape::reference, and stores the reference.
void append_referenced(const Field& field, const Value& value, std::vector<std::byte>& bytes)
{
    const std::size_t size = elements_of(&value);
    const Reference reference{.offset = static_cast<std::uint32_t>(bytes.size()),
                              .size = static_cast<std::uint32_t>(size)};
    std::memcpy(bytes.data() + field.offset, &reference, sizeof(reference));
    bytes.resize(bytes.size() + size);
    std::visit(Writer(field, std::span(bytes).subspan(reference.offset)), value);
}

}  // namespace

bool is_integer(Type type) noexcept
{
    return type != Type::f32 && type != Type::f64 && type != Type::boolean && type != Type::character &&
           type != Type::pairs;
}

unsigned bits_of(const Field& field) noexcept
{
    return field.conversion.width != 0 ? field.conversion.width : static_cast<unsigned>(8 * size_of(field.type));
}

bool is_unsigned(Type type) noexcept
{
    return type == Type::u8 || type == Type::u16 || type == Type::u32 || type == Type::u64;
}

bool store_integer(const Field& field, std::int64_t value, std::span<std::byte> into) noexcept
{
    if (!is_integer(field.type) || !is_in_range(field, value))
        return false;
    const std::uint64_t mask = mask_of(bits_of(field)) << field.conversion.shift;
    const auto others = std::bit_cast<std::uint64_t>(load_bytes(field, into)) & ~mask;
    store_bytes(field, others | (static_cast<std::uint64_t>(value) << field.conversion.shift & mask), into);
    return true;
}

std::int64_t load_integer(const Field& field, std::span<const std::byte> from) noexcept
{
    const unsigned bits = bits_of(field);
    const auto all = std::bit_cast<std::uint64_t>(load_bytes(field, from));
    const std::uint64_t value = all >> field.conversion.shift & mask_of(bits);
    const std::uint64_t sign = std::uint64_t{1} << (bits - 1);
    if (!is_integer(field.type) || is_unsigned(field.type) || (value & sign) == 0)
        return static_cast<std::int64_t>(value);
    return static_cast<std::int64_t>(value | ~mask_of(bits));
}

double load_scaled(const Field& field, std::span<const std::byte> from) noexcept
{
    double number = 0;
    if (field.type == Type::f64)
        number = std::bit_cast<double>(load_bytes(field, from));
    else if (field.type == Type::f32)
        number = static_cast<double>(
            std::bit_cast<float>(static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(load_bytes(field, from)))));
    else if (field.type == Type::u64)
        number = static_cast<double>(static_cast<std::uint64_t>(load_integer(field, from)));
    else
        number = static_cast<double>(load_integer(field, from));
    return number * field.conversion.factor + field.conversion.offset;
}

std::vector<std::byte> encode(const Format& format, const std::map<std::string, Value>& values)
{
    const auto find_field = [&format](const std::string& name) {
        return std::ranges::find(format.fields(), name, &Field::name);
    };
    for (const auto& [name, value] : values) {
        if (find_field(name) == format.fields().end())
            throw EncodeError(name, fmt::format("the format \"{}\" does not have this field", format.text()));
    }
    const auto find_value = [&values](const Field& field) -> const Value* {
        const auto found = values.find(field.name);
        return found == values.end() ? nullptr : &found->second;
    };
    std::vector<std::byte> bytes;
    for (const Field& field : format.fields()) {
        const Value* const value = find_value(field);
        bytes.resize(std::max(bytes.size(), field.offset + size_in(field, value)));
        if (value != nullptr && field.shape != Shape::reference)
            std::visit(Writer(field, std::span(bytes).subspan(field.offset)), *value);
    }
    for (const Field& field : format.fields()) {
        const Value* const value = find_value(field);
        if (value != nullptr && field.shape == Shape::reference)
            append_referenced(field, *value, bytes);
    }
    return bytes;
}

}  // namespace drvbus::format

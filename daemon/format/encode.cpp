// SPDX-License-Identifier: LGPL-2.1-or-later
#include "format/encode.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace drvbus::format {

namespace {

template <typename T>
bool store_as(std::int64_t value, std::span<std::byte> into) noexcept
{
    // Numbers in TOML are signed. The configuration gives a u64 beyond their range as the negative number with the same
    // bits.
    if (sizeof(T) < sizeof(value) && !std::in_range<T>(value))
        return false;
    const T stored = static_cast<T>(value);
    std::memcpy(into.data(), &stored, sizeof(stored));
    return true;
}

template <typename T>
std::int64_t load_as(std::span<const std::byte> from) noexcept
{
    T value{};
    std::memcpy(&value, from.data(), sizeof(value));
    return static_cast<std::int64_t>(value);
}

template <typename T>
void store_float(double value, std::span<std::byte> into) noexcept
{
    const T stored = static_cast<T>(value);
    std::memcpy(into.data(), &stored, sizeof(stored));
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
        else if (!store_integer(field_.type, value, into_))
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
            if (!store_integer(field_.type, values[i], into_.subspan(i * size, size)))
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
        if (field_.type == Type::f32)
            store_float<float>(value, into_);
        else if (field_.type == Type::f64)
            store_float<double>(value, into_);
        else
            fail("a number with a fraction is for fields of type f32 and f64");
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

bool store_integer(Type type, std::int64_t value, std::span<std::byte> into) noexcept
{
    switch (type) {
    case Type::u8:
        return store_as<std::uint8_t>(value, into);
    case Type::s8:
        return store_as<std::int8_t>(value, into);
    case Type::u16:
        return store_as<std::uint16_t>(value, into);
    case Type::s16:
        return store_as<std::int16_t>(value, into);
    case Type::u32:
        return store_as<std::uint32_t>(value, into);
    case Type::s32:
        return store_as<std::int32_t>(value, into);
    case Type::u64:
        return store_as<std::uint64_t>(value, into);
    case Type::s64:
        return store_as<std::int64_t>(value, into);
    default:
        return false;
    }
}

std::int64_t load_integer(Type type, std::span<const std::byte> from) noexcept
{
    switch (type) {
    case Type::s8:
        return load_as<std::int8_t>(from);
    case Type::u16:
        return load_as<std::uint16_t>(from);
    case Type::s16:
        return load_as<std::int16_t>(from);
    case Type::u32:
        return load_as<std::uint32_t>(from);
    case Type::s32:
        return load_as<std::int32_t>(from);
    case Type::u64:
    case Type::s64:
        return load_as<std::int64_t>(from);
    default:
        return load_as<std::uint8_t>(from);
    }
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
        bytes.resize(field.offset + size_in(field, value));
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

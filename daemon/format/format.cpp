// SPDX-License-Identifier: LGPL-2.1-or-later
#include "format/format.hpp"

#include <cstring>

#include <fmt/format.h>

namespace drvbus::format {

ParseError::ParseError(std::size_t at_line, std::size_t at_column, const std::string& what_is_wrong)
    : std::runtime_error(fmt::format("line {}, column {}: {}", at_line, at_column, what_is_wrong)), line(at_line),
      column(at_column)
{
}

std::size_t size_of(Type type) noexcept
{
    switch (type) {
    case Type::u8:
    case Type::s8:
    case Type::boolean:
    case Type::character:
    case Type::pairs:
        return 1;
    case Type::u16:
    case Type::s16:
        return 2;
    case Type::u32:
    case Type::s32:
    case Type::f32:
        return 4;
    case Type::u64:
    case Type::s64:
    case Type::f64:
        return 8;
    }
    return 0;
}

const std::shared_ptr<const Format::Parsed>& Format::without_description()
{
    static const auto kNone = std::make_shared<const Parsed>();
    return kNone;
}

bool Format::fits(std::size_t length) const noexcept
{
    if (parsed_->kind == Kind::bytes)
        return true;
    if (length < parsed_->fixed_size)
        return false;
    const std::size_t left = length - parsed_->fixed_size;
    return parsed_->rest_unit == 0 ? left == 0 : left % parsed_->rest_unit == 0;
}

std::string Format::accepted_sizes() const
{
    if (parsed_->kind == Kind::bytes)
        return "any number of bytes";
    if (parsed_->rest_unit == 0)
        return fmt::format("{} bytes", parsed_->fixed_size);
    if (parsed_->rest_unit == 1)
        return fmt::format("{} bytes or more", parsed_->fixed_size);
    return fmt::format("{} bytes and any multiple of {}", parsed_->fixed_size, parsed_->rest_unit);
}

std::string Format::explain_mismatch(std::size_t length) const
{
    return fmt::format(
        "a payload of {} bytes does not fit the format, which takes {}. C compilers pad structs: name the "
        "padding in the format, such as u8 _[3]",
        length, accepted_sizes());
}

std::size_t size_of(const Field& field) noexcept
{
    if (field.shape == Shape::rest)
        return 0;
    if (field.shape == Shape::reference)
        return sizeof(Reference);
    return size_of(field.type) * (field.shape == Shape::single ? 1 : field.count);
}

std::span<const std::byte> Format::bytes_of(const Field& field, std::span<const std::byte> payload)
{
    if (field.shape == Shape::rest)
        return payload.subspan(field.offset);
    const std::span<const std::byte> bytes = payload.subspan(field.offset, size_of(field));
    if (field.shape != Shape::reference)
        return bytes;
    Reference reference{};
    std::memcpy(&reference, bytes.data(), sizeof(reference));
    // A payload in the replay log may have been made with an earlier format.
    if (reference.offset > payload.size() || reference.size > payload.size() - reference.offset)
        return {};
    return payload.subspan(reference.offset, reference.size);
}

}  // namespace drvbus::format

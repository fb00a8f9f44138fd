// SPDX-License-Identifier: LGPL-2.1-or-later
#include "format/pattern.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "format/encode.hpp"

namespace drvbus::format {

namespace {

template <typename T>
std::optional<T> number_in(std::string_view text)
{
    T number{};
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || rest != end)
        return std::nullopt;
    return number;
}

/// Converts `text` to a value of the field's type; none if that is not possible.
std::optional<Value> value_of(const Field& field, std::string_view text)
{
    if (field.type == Type::character)
        return Value(std::string(text));
    // Many devices pad numbers with spaces.
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (field.type == Type::f32 || field.type == Type::f64) {
        if (const auto number = number_in<double>(text))
            return Value(*number);
    } else if (field.type == Type::boolean) {
        if (text == "0" || text == "1")
            return Value(text == "1");
    } else if (const auto number = number_in<std::int64_t>(text)) {
        // A u64 beyond the range of int64_t is stored as the negative number with the same bits; it has no minus sign.
        if (*number >= 0 || field.type != Type::u64)
            return Value(*number);
    } else if (const auto large = number_in<std::uint64_t>(text); large && field.type == Type::u64) {
        return Value(static_cast<std::int64_t>(*large));
    }
    return std::nullopt;
}

const Field& find_field(const Format& format, const std::string& name)
{
    const auto found = std::ranges::find(format.fields(), name, &Field::name);
    if (found == format.fields().end())
        throw PatternError(fmt::format("the format has no field \"{}\"", name));
    return *found;
}

}  // namespace

Pattern::Pattern(std::string_view text, const Format& format)
{
    std::size_t at = text.find('{');
    prefix_ = text.substr(0, at);
    while (at != std::string_view::npos) {
        const std::size_t close = text.find('}', at);
        if (close == std::string_view::npos)
            throw PatternError("a '{' has no matching '}'");
        Part part{std::string(text.substr(at + 1, close - at - 1)), {}};
        const Field& field = find_field(format, part.name);
        if (field.type != Type::character && field.shape != Shape::single)
            throw PatternError(fmt::format("\"{}\" is an array; a pattern sets one value per field", part.name));
        at = text.find('{', close);
        part.until = text.substr(close + 1, at == std::string_view::npos ? at : at - close - 1);
        if (at != std::string_view::npos && part.until.empty())
            throw PatternError(fmt::format("there is no text between {{{}}} and the next field", part.name));
        parts_.push_back(std::move(part));
    }
    if (parts_.empty())
        throw PatternError("it must name at least one field, such as {value}");
}

std::optional<std::vector<std::byte>> Pattern::encode(const Format& format, std::span<const std::byte> bytes) const
{
    std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!text.starts_with(prefix_))
        return std::nullopt;
    text.remove_prefix(prefix_.size());
    std::map<std::string, Value> values;
    for (const Part& part : parts_) {
        const std::size_t end = part.until.empty() ? text.size() : text.find(part.until);
        if (end == std::string_view::npos)
            return std::nullopt;
        const auto value = value_of(find_field(format, part.name), text.substr(0, end));
        if (!value)
            return std::nullopt;
        values.insert_or_assign(part.name, *value);
        text.remove_prefix(end + part.until.size());
    }
    try {
        return format::encode(format, values);
    } catch (const EncodeError&) {
        return std::nullopt;
    }
}

}  // namespace drvbus::format

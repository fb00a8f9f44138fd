// SPDX-License-Identifier: LGPL-2.1-or-later
#include "format/pattern.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/printable.hpp"
#include "format/encode.hpp"
#include "format/regex.hpp"

namespace drvbus::format {

namespace {

constexpr std::string_view kOptionalBegin = "{?";
constexpr std::string_view kOptionalEnd = "?}";

template <typename T>
std::optional<T> number_in(std::string_view text)
{
    T number{};
    text.remove_prefix(text.starts_with('+') ? 1 : 0);  // from_chars does not accept it
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || rest != end)
        return std::nullopt;
    return number;
}

bool is_text(Type type)
{
    return type == Type::character || type == Type::pairs;
}

/// Converts `text` to a value of the field's type; none if it is out of range.
std::optional<Value> value_of(const Field& field, std::string_view text)
{
    if (is_text(field.type))
        return Value(std::string(text));
    if (field.type == Type::f32 || field.type == Type::f64) {
        if (const auto number = number_in<double>(text))
            return Value(*number);
    } else if (field.type == Type::boolean) {
        return Value(text == "1");
    } else if (const auto number = number_in<std::int64_t>(text)) {
        return Value(*number);
    } else if (const auto large = number_in<std::uint64_t>(text); large && field.type == Type::u64) {
        // A u64 beyond the range of int64_t is stored as the negative number with the same bits.
        return Value(static_cast<std::int64_t>(*large));
    }
    return std::nullopt;
}

const Field& find_field(const Format& format, std::string_view name)
{
    const auto found = std::ranges::find(format.fields(), name, &Field::name);
    if (found == format.fields().end())
        throw PatternError(fmt::format("the format has no field \"{}\"", name));
    return *found;
}

/// The regular expression for the values of a field. It has one group. Many devices pad numbers with spaces. The
/// repeats have limits, because PCRE2 counts a repeat as one step however long it is.
std::string expression_of(const Field& field)
{
    const auto padded = [](std::string_view number) { return fmt::format("[ \\t]{{0,64}}{}[ \\t]{{0,64}}", number); };
    switch (field.type) {
    case Type::character:
    case Type::pairs:
        return field.shape == Shape::reference ? "(.*?)" : fmt::format("(.{{0,{}}}?)", size_of(field));
    case Type::f32:
    case Type::f64:
        return padded("([+-]?(?:[0-9]{1,40}\\.?[0-9]{0,40}|\\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,4})?|[+-]?(?i:inf|nan))");
    case Type::boolean:
        return padded("([01])");
    default:
        return padded(is_unsigned(field.type) ? "(\\+?[0-9]{1,40})" : "([+-]?[0-9]{1,40})");
    }
}

/// What the text must have for a field, in words.
std::string expected_value(const Field& field)
{
    if (is_text(field.type))
        return fmt::format("at most {} characters", size_of(field));
    if (field.type == Type::f32 || field.type == Type::f64)
        return "a number";
    if (field.type == Type::boolean)
        return "0 or 1";
    return is_unsigned(field.type) ? "a whole number without a sign" : "a whole number";
}

std::string_view as_view(std::span<const std::byte> bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The text in quotes, shortened for a message.
std::string quoted(std::string_view text)
{
    constexpr std::size_t kLongest = 60;
    return fmt::format("\"{}{}\"", printable(text.substr(0, kLongest)), text.size() > kLongest ? "…" : "");
}

}  // namespace

Pattern::Pattern(std::string_view text, const Format& format) : text_(text)
{
    for (std::size_t at = 0; at < text.size();)
        at = add_part(text, at, format, parts_);
    if (fields_.empty())
        throw PatternError("it must name at least one field, such as {value}");
    std::string expression;
    for (const Part& part : parts_)
        expression += part.expression;
    code_ = regex::compile(expression);
}

/// Appends the part of `text` that begins at `at`. @returns where the next part begins
std::size_t Pattern::add_part(std::string_view text, std::size_t at, const Format& format, std::vector<Part>& parts)
{
    if (text.substr(at).starts_with(kOptionalBegin))
        return add_optional(text, at, format, parts);
    if (text[at] == '{')
        return add_field(text, at, format, parts);
    const std::size_t end = std::min(text.find('{', at), text.size());
    const std::string literal(text.substr(at, end - at));
    parts.push_back({Part::Kind::literal, literal, regex::escape(literal)});
    return end;
}

std::size_t Pattern::add_field(std::string_view text, std::size_t at, const Format& format, std::vector<Part>& parts)
{
    const std::size_t close = text.find('}', at);
    if (close == std::string_view::npos)
        throw PatternError("a '{' has no matching '}'");
    std::string name(text.substr(at + 1, close - at - 1));
    const Field& field = find_field(format, name);
    if (field.shape == Shape::array && !is_text(field.type))
        throw PatternError(fmt::format("\"{}\" is an array; a pattern sets one value per field", name));
    if (std::ranges::find(fields_, name) != fields_.end())
        throw PatternError(fmt::format("{{{}}} is there twice", name));
    if (!parts.empty() && parts.back().kind == Part::Kind::field)
        throw PatternError(fmt::format("there is no text between {{{}}} and the next field", parts.back().text));
    fields_.push_back(name);
    parts.push_back({Part::Kind::field, std::move(name), expression_of(field)});
    return close + 1;
}

std::size_t Pattern::add_optional(std::string_view text, std::size_t at, const Format& format, std::vector<Part>& parts)
{
    const std::size_t begin = at + kOptionalBegin.size();
    const std::size_t end = text.find(kOptionalEnd, begin);
    if (end == std::string_view::npos)
        throw PatternError("a '{?' has no matching '?}'");
    const std::string_view inner = text.substr(begin, end - begin);
    std::vector<Part> inner_parts;
    for (std::size_t next = 0; next < inner.size();) {
        if (inner.substr(next).starts_with(kOptionalBegin))
            throw PatternError("an optional part cannot contain another one");
        next = add_part(inner, next, format, inner_parts);
    }
    if (inner_parts.empty() || inner_parts.front().kind != Part::Kind::literal)
        throw PatternError("an optional part must begin with text, such as {?,{value}?}");
    std::string expression;
    for (const Part& part : inner_parts)
        expression += part.expression;
    parts.push_back({Part::Kind::optional, std::string(inner), fmt::format("(?:{})?", expression)});
    return end + kOptionalEnd.size();
}

std::optional<std::vector<std::byte>> Pattern::encode(const Format& format, std::span<const std::byte> bytes) const
{
    const std::string_view text = as_view(bytes);
    const std::optional<regex::Groups> groups = regex::match(*code_, text);
    if (!groups)
        return std::nullopt;
    std::map<std::string, Value> values;
    for (std::size_t i = 0; i < fields_.size(); ++i) {
        // Groups at the end that took no part in the match are left out.
        if (i + 1 >= groups->size() || !(*groups)[i + 1])
            continue;
        const std::optional<Value> value = value_of(find_field(format, fields_[i]), *(*groups)[i + 1]);
        if (!value)
            return std::nullopt;
        values.insert_or_assign(fields_[i], *value);
    }
    try {
        return format::encode(format, values);
    } catch (const EncodeError&) {
        return std::nullopt;
    }
}

std::string Pattern::explain_mismatch(const Format& format, std::span<const std::byte> text) const
{
    return fmt::format("the text {} does not match the pattern \"{}\": {}", quoted(as_view(text)), printable(text_),
                       describe_difference(format, as_view(text)));
}

/// Finds the longest beginning of the pattern that matches the text, and describes what differs after it.
std::string Pattern::describe_difference(const Format& format, std::string_view text) const
{
    if (regex::match(*code_, text))
        return "a number in it is out of the range of its field";
    std::size_t count = parts_.size();
    std::optional<std::size_t> matched;
    for (; count > 0 && !matched; --count) {
        std::string expression;
        for (std::size_t i = 0; i < count; ++i)
            expression += parts_[i].expression;
        matched = regex::match_beginning(*regex::compile(expression), text);
        if (matched)
            break;
    }
    const std::string_view rest = text.substr(matched.value_or(0));
    const std::string found = rest.empty() ? "it ends" : fmt::format("it has {}", quoted(rest));
    if (count == parts_.size())
        return rest.empty() ? "matching it would take too long" : found + " where the pattern ends";
    const Part& next = parts_[count];
    if (next.kind == Part::Kind::field)
        return fmt::format("{} where {{{}}} needs {}", found, next.text, expected_value(find_field(format, next.text)));
    if (count > 0 && parts_[count - 1].kind == Part::Kind::field &&
        is_text(find_field(format, parts_[count - 1].text).type))
        return fmt::format("after {} there is no {}", quoted(text.substr(0, *matched)), quoted(next.text));
    return fmt::format("{} where the pattern has {}", found, quoted(next.text));
}

}  // namespace drvbus::format

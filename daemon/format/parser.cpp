// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <linux/drvbus.h>

#include "format/encode.hpp"
#include "format/format.hpp"

namespace drvbus::format {

namespace {

// More than any driver needs. They limit the memory that a format can take.
constexpr std::size_t kMaxFields = 128;
constexpr std::size_t kMaxNameLength = 63;

struct TypeName {
    std::string_view name;
    Type type;
    char dbus;  ///< type in a D-Bus signature; the next larger one where D-Bus has no such type (s8, f32)
};

constexpr std::array<TypeName, 13> kTypes{{
    {"u8", Type::u8, 'y'},
    {"s8", Type::s8, 'n'},
    {"u16", Type::u16, 'q'},
    {"s16", Type::s16, 'n'},
    {"u32", Type::u32, 'u'},
    {"s32", Type::s32, 'i'},
    {"u64", Type::u64, 't'},
    {"s64", Type::s64, 'x'},
    {"f32", Type::f32, 'd'},
    {"f64", Type::f64, 'd'},
    {"bool", Type::boolean, 'b'},
    {"char", Type::character, 's'},
    {"pairs", Type::pairs, 's'},
}};

std::string signature_of(const Field& field, char dbus_type)
{
    if (field.type == Type::pairs)
        return "a{ss}";
    if (!field.conversion.names.empty())
        return "s";
    if (field.conversion.scaled)
        dbus_type = 'd';
    if (field.shape == Shape::single || field.type == Type::character)
        return {dbus_type};
    return {'a', dbus_type};
}

constexpr bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
constexpr bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
constexpr bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
constexpr bool is_name(char c)
{
    return is_name_start(c) || is_digit(c);
}

std::string all_types()
{
    std::string text;
    for (const TypeName& known : kTypes)
        text += (text.empty() ? "" : " ") + std::string(known.name);
    return text;
}

/// The first character of `rest`, in words for a message.
std::string first_character(std::string_view rest)
{
    if (rest.empty())
        return "the end of the text";
    const auto c = static_cast<unsigned char>(rest.front());
    if (c < 0x20 || c >= 0x7f)
        return fmt::format("the byte 0x{:02x}", c);
    return fmt::format("'{}'", rest.front());
}

}  // namespace

/// Parses one text. It is a recursive descent parser: each function starts at `position_` and moves it past what it
/// parsed.
class Parser {
public:
    Parser(std::string_view text, Source source) : text_(text), source_(source) {}

    Format run()
    {
        Parsed format;
        format.text = std::string(text_);
        parse_all(format);
        return Format(std::make_shared<const Parsed>(std::move(format)));
    }

private:
    using Parsed = Format::Parsed;

    void parse_all(Parsed& format)
    {
        skip_space();
        if (at_end())
            return;
        if (text_.size() > DRVBUS_FORMAT_MAX)
            fail(fmt::format("the format is {} bytes long; the limit is {}", text_.size(), DRVBUS_FORMAT_MAX));
        if (parse_parameters(format))
            return;
        format.kind = Format::Kind::fields;
        while (!at_end())
            parse_field(format);
    }

    /// @returns false, and parses nothing, unless the complete text is "u32[]"
    bool parse_parameters(Parsed& format)
    {
        const std::size_t start = position_;
        const bool found = word() == "u32" && accept('[') && accept(']') && (accept(';'), at_end());
        if (!found) {
            position_ = start;
            return false;
        }
        format.kind = Format::Kind::parameters;
        format.rest_unit = size_of(Type::u32);
        return true;
    }

    void parse_field(Parsed& format)
    {
        Field field;
        bool swapped = false;
        const TypeName& type = parse_type(swapped);
        field.type = type.type;
        field.name = parse_name(format);
        field.padding = field.name.front() == '_';
        field.offset = format.fixed_size;
        if (!format.fields.empty() && format.fields.back().shape == Shape::rest)
            fail_at(word_start_, "nothing can follow a field that takes the rest of the payload ('[]')");
        field.conversion.swapped = swapped;
        if (accept('['))
            parse_extent(field);
        if (accept('{')) {
            parse_bit_fields(format, field, type);
        } else {
            parse_conversion(field);
            format.fixed_size += size_of(field);
            add(format, std::move(field), type);
        }
        if (!accept(';') && !at_end())
            fail(fmt::format("expected ';' after the field, found {}", next_character()));
    }

    /// Parses `{ name:width; ... }`. The first bit field has the lowest bits.
    void parse_bit_fields(Parsed& format, const Field& number, const TypeName& type)
    {
        if (!is_integer(number.type) || number.shape != Shape::single)
            fail_at(word_start_, fmt::format("only one integer can have bit fields, '{}' is none", number.name));
        format.fixed_size += size_of(number);
        std::size_t shift = 0;
        do {
            Field part = number;
            part.name = parse_name(format);
            part.padding = part.name.front() == '_';
            part.conversion.shift = static_cast<std::uint8_t>(shift);
            part.conversion.width = parse_width(8 * size_of(number.type) - shift);
            shift += part.conversion.width;
            parse_conversion(part);
            add(format, std::move(part), type);
        } while (accept(';') && !next_is('}'));
        if (!accept('}'))
            fail(fmt::format("expected '}}' after the bit fields, found {}", next_character()));
    }

    std::uint8_t parse_width(std::size_t bits_left)
    {
        std::uint8_t width = 0;
        if (!accept(':') || !parse_digits(width) || width == 0 || width > bits_left)
            fail(
                fmt::format("expected ':' and a number of bits from 1 to {}, which are left in the number", bits_left));
        return width;
    }

    /// Parses `* factor`, `+ offset` or `- offset`, and `(number name, ...)`.
    void parse_conversion(Field& field)
    {
        Conversion& conversion = field.conversion;
        const std::size_t begin = position_;
        if (accept('*'))
            conversion.factor = parse_double();
        if (next_is('+') || next_is('-')) {
            const double sign = accept('-') ? -1 : 1;
            accept('+');
            conversion.offset = sign * parse_double();
        }
        conversion.scaled = position_ != begin;
        if (conversion.scaled && !is_number(field.type))
            fail_at(begin, fmt::format("only a number can have a scale, '{}' is none", field.name));
        if (accept('('))
            parse_names(field, begin);
    }

    void parse_names(Field& field, std::size_t begin)
    {
        if (field.conversion.scaled || field.shape != Shape::single || !is_integer(field.type))
            fail_at(begin, fmt::format("only one integer without a scale can have names, '{}' is none", field.name));
        do {
            std::int64_t number = 0;
            if (!parse_digits(number))
                fail(fmt::format("expected a number and its name, such as '0 off', found {}", next_character()));
            const std::string_view name = word();
            if (name.empty())
                fail(fmt::format("expected the name of the number {}, found {}", number, next_character()));
            if (!field.conversion.names.emplace(number, name).second)
                fail_at(word_start_, fmt::format("the number {} has two names", number));
        } while (accept(','));
        if (!accept(')'))
            fail(fmt::format("expected ')' after the names, found {}", next_character()));
    }

    double parse_double()
    {
        double value = 0;
        if (!parse_digits(value) || !std::isfinite(value))
            fail(fmt::format("expected a number, found {}", next_character()));
        return value;
    }

    /// @returns false, and parses nothing, if there is no number that fits
    template <typename T>
    bool parse_digits(T& value)
    {
        skip_space();
        const char* const begin = text_.data() + position_;
        const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
        if (error != std::errc{})
            return false;
        position_ += static_cast<std::size_t>(end - begin);
        skip_space();
        return true;
    }

    static bool is_number(Type type) { return is_integer(type) || type == Type::f32 || type == Type::f64; }

    void parse_extent(Field& field)
    {
        if (accept(']')) {
            field.shape = shape_without_count(field);
            return;
        }
        field.shape = Shape::array;
        field.count = parse_count();
        if (!accept(']'))
            fail(fmt::format("expected ']' after the number of elements, found {}", next_character()));
    }

    [[nodiscard]] Shape shape_without_count(const Field& field) const
    {
        if (source_ == Source::driver)
            return Shape::rest;
        if (field.type != Type::character && field.type != Type::pairs)
            fail_at(word_start_,
                    fmt::format("'{}' needs a number of elements: with a pattern, only fields of type char "
                                "and pairs can have '[]'",
                                field.name));
        return Shape::reference;
    }

    /// Appends the field to the format.
    void add(Parsed& format, Field field, const TypeName& type)
    {
        if (field.type == Type::pairs && field.shape != Shape::rest && field.shape != Shape::reference)
            fail_at(word_start_,
                    fmt::format("a field of type pairs has any number of bytes: 'pairs {}[]'", field.name));
        if (field.shape == Shape::rest || field.shape == Shape::reference)
            format.rest_unit = size_of(field.type);
        if (format.fixed_size > DRVBUS_PAYLOAD_MAX)
            fail_at(word_start_, fmt::format("the fields up to '{}' take {} bytes; a payload has at most {}",
                                             field.name, format.fixed_size, DRVBUS_PAYLOAD_MAX));
        if (format.fields.size() == kMaxFields)
            fail_at(word_start_, fmt::format("more than {} fields", kMaxFields));
        field.signature = signature_of(field, type.dbus);
        format.fields.push_back(std::move(field));
    }

    /// @param swapped set to whether the byte order is not the machine's
    const TypeName& parse_type(bool& swapped)
    {
        const std::string_view name = word();
        if (name.empty())
            fail(fmt::format("expected a type ({}), found {}", all_types(), next_character()));
        std::string_view base = name;
        const bool has_order = name.ends_with("be") || name.ends_with("le");
        base.remove_suffix(has_order ? 2 : 0);
        swapped = has_order && name.ends_with(std::endian::native == std::endian::little ? "be" : "le");
        const auto* const known = std::ranges::find(kTypes, base, &TypeName::name);
        if (known == kTypes.end() || (has_order && size_of(known->type) == 1))
            fail_at(word_start_,
                    fmt::format("'{}' is not a type; the types are {}; those of more than one byte can have "
                                "a byte order, such as u16be or u16le",
                                name, all_types()));
        return *known;
    }

    std::string parse_name(const Parsed& format)
    {
        const std::string_view name = word();
        if (name.empty())
            fail(fmt::format("expected the field's name, found {}", next_character()));
        if (name.size() > kMaxNameLength)
            fail_at(word_start_, fmt::format("a name has at most {} characters", kMaxNameLength));
        if (name.front() != '_' && std::ranges::find(format.fields, name, &Field::name) != format.fields.end())
            fail_at(word_start_, fmt::format("the field '{}' is defined twice", name));
        return std::string(name);
    }

    std::uint32_t parse_count()
    {
        const std::size_t begin = position_;
        std::uint32_t value = 0;
        if (!parse_digits(value) || value == 0 || value > DRVBUS_PAYLOAD_MAX)
            fail_at(begin,
                    fmt::format("expected a number of elements from 1 to {}, or nothing for the rest of the payload",
                                DRVBUS_PAYLOAD_MAX));
        return value;
    }

    /// @returns the next name or type; empty if there is none
    std::string_view word()
    {
        skip_space();
        word_start_ = position_;
        if (at_end() || !is_name_start(text_[position_]))
            return {};
        while (!at_end() && is_name(text_[position_]))
            ++position_;
        const std::string_view found = text_.substr(word_start_, position_ - word_start_);
        skip_space();
        return found;
    }

    /// @returns whether the next character is `c`
    bool next_is(char c)
    {
        skip_space();
        return !at_end() && text_[position_] == c;
    }

    /// @returns whether the next character is `c`, which it then moves past
    bool accept(char c)
    {
        if (!next_is(c))
            return false;
        ++position_;
        skip_space();
        return true;
    }

    void skip_space()
    {
        while (!at_end() && is_space(text_[position_]))
            ++position_;
    }

    [[nodiscard]] bool at_end() const { return position_ == text_.size(); }

    [[nodiscard]] std::string next_character() const { return first_character(text_.substr(position_)); }

    [[noreturn]] void fail(const std::string& what_is_wrong) const { fail_at(position_, what_is_wrong); }

    [[noreturn]] void fail_at(std::size_t where, const std::string& what_is_wrong) const
    {
        const std::string_view before = text_.substr(0, where);
        const auto line = 1 + static_cast<std::size_t>(std::ranges::count(before, '\n'));
        const std::size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
        throw ParseError(line, 1 + where - line_start, what_is_wrong);
    }

    std::string_view text_;
    Source source_;
    std::size_t position_ = 0;    ///< of the first character that is not parsed yet
    std::size_t word_start_ = 0;  ///< position of the last word
};

Format Format::parse(std::string_view text, Source source)
{
    return Parser(text, source).run();
}

}  // namespace drvbus::format

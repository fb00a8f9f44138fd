// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/event_message.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <string_view>

#include "base/errno.hpp"
#include "base/text.hpp"
#include "format/encode.hpp"
#include "format/pairs.hpp"

namespace drvbus::bus {

using format::Field;
using format::Format;
using format::Shape;
using format::Type;

namespace {

template <typename T>
T load(const std::byte* at)
{
    T value;
    std::memcpy(&value, at, sizeof(value));  // fields of a payload need not be aligned
    return value;
}

/// Appends one element whose D-Bus type is wider than its type in the payload.
void append_widened(sd_bus_message* message, Type type, const std::byte* at)
{
    if (type == Type::s8) {
        const std::int16_t value = load<std::int8_t>(at);  // NOLINT(bugprone-signed-char-misuse): not a character
        append(message, 'n', &value);
    } else if (type == Type::f32) {
        const auto value = static_cast<double>(load<float>(at));
        append(message, 'd', &value);
    } else {
        const int value = load<std::uint8_t>(at) != 0 ? 1 : 0;  // sd-bus takes booleans as int
        append(message, 'b', &value);
    }
}

bool is_widened(Type type)
{
    return type == Type::s8 || type == Type::f32 || type == Type::boolean;
}

/// Whether sd-bus accepts the bytes as a string.
bool is_string(std::string_view bytes)
{
    return bytes.find('\0') == std::string_view::npos && is_valid_text(bytes);
}

/// The text in a field of type char. A fixed number of characters holds a C string, which ends at its first NUL; the
/// bytes after it are padding.
std::string_view text_in(const Field& field, std::span<const std::byte> bytes)
{
    const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return field.shape == Shape::rest || field.shape == Shape::reference ? all : all.substr(0, all.find('\0'));
}

/// The value of a number that has no name.
std::string digits_of(const Field& field, std::int64_t number)
{
    return field.type == Type::u64 ? std::to_string(static_cast<std::uint64_t>(number)) : std::to_string(number);
}

/// What the daemon knows about an event beyond its payload. The names begin with '_', so no field has the same name.
struct Mark {
    std::uint32_t flag;
    const char* name;
};
constexpr std::array<Mark, 3> kMarks{
    {{record::kCut, "_cut"}, {record::kTimeUnknown, "_time_unknown"}, {record::kIncomplete, "_incomplete"}}};

/// Appends an entry with the value true for each flag that is set.
void append_marks(sd_bus_message* message, std::uint32_t flags)
{
    constexpr int kTrue = 1;
    for (const Mark& mark : kMarks) {
        if ((flags & mark.flag) == 0)
            continue;
        open(message, 'e', "sv");
        append(message, 's', mark.name);
        open(message, 'v', "b");
        append(message, 'b', &kTrue);
        close(message);
        close(message);
    }
}

}  // namespace

void append(sd_bus_message* message, char type, const void* value)
{
    check(sd_bus_message_append_basic(message, type, value), "sd_bus_message_append_basic");
}

void append_array(sd_bus_message* message, char type, std::span<const std::byte> bytes)
{
    check(sd_bus_message_append_array(message, type, bytes.data(), bytes.size()), "sd_bus_message_append_array");
}

void open(sd_bus_message* message, char type, const char* contents)
{
    check(sd_bus_message_open_container(message, type, contents), "sd_bus_message_open_container");
}

void close(sd_bus_message* message)
{
    check(sd_bus_message_close_container(message), "sd_bus_message_close_container");
}

void send(sd_bus_message* message)
{
    if (const int result = sd_bus_message_send(message); result < 0)
        throw SendError(std::strerror(-result));
}

bool EventEncoder::append_event(sd_bus_message* message, const MessageContext& context, const record::Event& event)
{
    const bool fits = (event.flags & record::kFormatMismatch) == 0 && context.format.fits(event.payload.size());
    std::array<char, 11> digits{};  // a u32 and its NUL
    const char* name = digits.data();
    if (!fits)
        name = record::kMismatchName;
    else if (const auto named = context.event_names.find(event.id); named != context.event_names.end())
        name = named->second.c_str();
    else if (!context.other_events.empty())
        name = context.other_events.c_str();
    else
        std::to_chars(digits.data(), digits.data() + digits.size() - 1, event.id);

    append(message, 's', name);
    append(message, 't', &event.sequence);
    append(message, 't', &event.time_ns);
    append(message, 'u', &event.id);
    append_data(message, fits ? context.format : Format(), event);
    return fits;
}

void EventEncoder::append_data(sd_bus_message* message, const Format& format, const record::Event& event)
{
    switch (format.kind()) {
    case Format::Kind::bytes:
        append_bytes_variant(message, event.payload);
        return;
    case Format::Kind::parameters:
        open(message, 'v', "au");
        append_array(message, 'u', event.payload);
        break;
    case Format::Kind::fields:
        open(message, 'v', "a{sv}");
        append_fields(message, format, event);
        break;
    }
    close(message);
}

void EventEncoder::append_fields(sd_bus_message* message, const Format& format, const record::Event& event)
{
    open(message, 'a', "{sv}");
    for (const Field& field : format.fields()) {
        if (field.padding)
            continue;
        open(message, 'e', "sv");
        append(message, 's', field.name.c_str());
        append_variant(message, field, Format::bytes_of(field, event.payload));
        close(message);
    }
    append_marks(message, event.flags);
    close(message);
}

void EventEncoder::append_variant(sd_bus_message* message, const Field& field, std::span<const std::byte> bytes)
{
    if (field.type == Type::character) {
        append_text_variant(message, field, bytes);
        return;
    }
    if (field.type == Type::pairs) {
        append_pairs_variant(message, bytes);
        return;
    }
    if (!field.conversion.is_identity()) {
        append_converted_variant(message, field, bytes);
        return;
    }
    open(message, 'v', field.signature.c_str());
    append_value(message, field, bytes);
    close(message);
}

/// Appends a field whose value is not the number in the payload.
void EventEncoder::append_converted_variant(sd_bus_message* message, const Field& field,
                                            std::span<const std::byte> bytes)
{
    open(message, 'v', field.signature.c_str());
    if (field.shape == Shape::single) {
        append_converted(message, field, bytes);
    } else {
        open(message, 'a', field.signature.c_str() + 1);
        for (std::size_t at = 0; at < bytes.size(); at += size_of(field.type))
            append_converted(message, field, bytes.subspan(at));
        close(message);
    }
    close(message);
}

/// Appends the element at the beginning of `bytes`.
void EventEncoder::append_converted(sd_bus_message* message, const Field& field, std::span<const std::byte> bytes)
{
    const char type = field.signature.back();
    if (type == 'd') {
        const double value = format::load_scaled(field, bytes);
        append(message, type, &value);
        return;
    }
    const std::int64_t number = format::load_integer(field, bytes);
    if (type != 's') {
        static_assert(std::endian::native == std::endian::little);  // a shorter type is at the same address
        append(message, type, &number);
        return;
    }
    const auto named = field.conversion.names.find(number);
    append_string(message, named == field.conversion.names.end() ? digits_of(field, number) : named->second);
}

void EventEncoder::append_bytes_variant(sd_bus_message* message, std::span<const std::byte> bytes)
{
    open(message, 'v', "ay");
    append_array(message, 'y', bytes);
    close(message);
}

void EventEncoder::append_string(sd_bus_message* message, std::string_view text)
{
    terminated_text_ = text;
    append(message, 's', terminated_text_.c_str());
}

void EventEncoder::append_text_variant(sd_bus_message* message, const Field& field, std::span<const std::byte> bytes)
{
    const std::string_view text = text_in(field, bytes);
    if (!is_string(text)) {
        append_bytes_variant(message, bytes);
        return;
    }
    open(message, 'v', "s");
    append_string(message, text);
    close(message);
}

void EventEncoder::append_pairs_variant(sd_bus_message* message, std::span<const std::byte> bytes)
{
    const auto pairs = format::parse_pairs({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (!std::ranges::all_of(pairs, [](const auto& pair) { return is_string(pair.first) && is_string(pair.second); })) {
        append_bytes_variant(message, bytes);
        return;
    }
    open(message, 'v', "a{ss}");
    open(message, 'a', "{ss}");
    for (const auto& [key, value] : pairs) {
        open(message, 'e', "ss");
        append_string(message, key);
        append_string(message, value);
        close(message);
    }
    close(message);
    close(message);
}

void EventEncoder::append_value(sd_bus_message* message, const Field& field, std::span<const std::byte> bytes)
{
    const char type = field.signature.back();
    if (field.shape == Shape::single && is_widened(field.type)) {
        append_widened(message, field.type, bytes.data());
    } else if (field.shape == Shape::single) {
        std::uint64_t aligned = 0;
        std::memcpy(&aligned, bytes.data(), bytes.size());
        append(message, type, &aligned);
    } else if (is_widened(field.type)) {
        open(message, 'a', field.signature.c_str() + 1);
        for (std::size_t at = 0; at < bytes.size(); at += size_of(field.type))
            append_widened(message, field.type, bytes.data() + at);
        close(message);
    } else {
        append_array(message, type, bytes);
    }
}

}  // namespace drvbus::bus

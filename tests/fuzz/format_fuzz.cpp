// SPDX-License-Identifier: LGPL-2.1-or-later
//
// An input is the text of a format.
#include "format/format.hpp"

#include <array>

#include <linux/drvbus.h>

#include "input.hpp"

namespace drvbus::fuzz {

using format::Field;
using format::Format;
using format::Shape;

namespace {

void check_error(const format::ParseError& error, std::string_view text)
{
    expect(error.line >= 1 && error.line <= 1U + static_cast<std::size_t>(std::ranges::count(text, '\n')),
           "an error names a line of the text");
    expect(error.column >= 1 && error.column <= text.size() + 1, "an error names a column of the text");
}

/// Whether `field` is another bit field of the same number as the field before it.
bool continues(const Field& field)
{
    return field.conversion.width != 0 && field.conversion.shift != 0;
}

/// @returns the size in bytes of all fields except one of variable size
std::size_t fixed_size(const Format& format)
{
    std::size_t size = 0;
    for (const Field& field : format.fields()) {
        if (continues(field)) {
            expect(field.offset + size_of(field) == size, "bit fields are in the same number");
            continue;
        }
        expect(field.offset == size, "a field starts at the end of the previous one");
        expect((field.shape == Shape::array) == (field.count > 0), "an array has elements");
        size += size_of(field);
    }
    expect(size <= DRVBUS_PAYLOAD_MAX, "a format fits in a payload");
    return size;
}

/// The fields of a payload that fits cover it without gaps.
void check_fields(const Format& format, std::span<const std::byte> payload)
{
    const std::byte* at = payload.data();
    for (const Field& field : format.fields()) {
        if (continues(field))
            continue;
        const std::span<const std::byte> bytes = Format::bytes_of(field, payload);
        expect(bytes.data() == at && bytes.size() % size_of(field.type) == 0, "fields are contiguous");
        at += bytes.size();
    }
    expect(at == payload.data() + payload.size(), "the fields cover the payload");
}

void check_length(const Format& format, std::size_t length)
{
    static const std::array<std::byte, DRVBUS_PAYLOAD_MAX + 64> kPayload{};
    if (length <= DRVBUS_PAYLOAD_MAX && format.fits(length) && format.kind() == Format::Kind::fields)
        check_fields(format, std::span(kPayload).first(length));
}

void check_valid(const Format& format, std::string_view text)
{
    expect(format.text() == text, "a format keeps its text");
    expect(Format::parse(format.text()).fields().size() == format.fields().size(),
           "parsing a format again gives the same fields");
    expect(!format.explain_mismatch(0).empty(), "a format describes the sizes that fit");
    const std::size_t fixed = fixed_size(format);
    expect(format.fits(fixed), "a payload without a field of variable size fits");
    for (std::size_t length = 0; length <= 16; ++length) {
        check_length(format, length);
        check_length(format, fixed + length);
    }
    check_length(format, DRVBUS_PAYLOAD_MAX);
}

}  // namespace

void run(Input input)
{
    const std::string_view text = input.rest();
    try {
        check_valid(Format::parse(text), text);
    } catch (const format::ParseError& error) {
        check_error(error, text);
    }
}

}  // namespace drvbus::fuzz

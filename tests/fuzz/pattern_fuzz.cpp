// SPDX-License-Identifier: LGPL-2.1-or-later
//
// An input is a format and a pattern, each terminated by a NUL, and the text of a device.
#include "format/pattern.hpp"

#include "input.hpp"

namespace drvbus::fuzz {

using format::Field;
using format::Format;
using format::Pattern;

namespace {

/// Each text field has a part of the text, in the order of the pattern or not at all.
void check_fields(const Format& format, std::span<const std::byte> payload, std::string_view text)
{
    for (const Field& field : format.fields()) {
        const std::span<const std::byte> bytes = Format::bytes_of(field, payload);
        if (field.shape == format::Shape::reference)
            expect(text.find(as_text(bytes)) != std::string_view::npos,
                   "the value of a text field is a part of the text");
        else
            expect(bytes.size() == size_of(field), "any other field has its size");
    }
}

void check_text(const Format& format, const Pattern& pattern, std::string_view text)
{
    const auto payload = pattern.encode(format, as_bytes(text));
    if (!payload) {
        expect(!pattern.explain_mismatch(format, as_bytes(text)).empty(), "a mismatch is explained");
        return;
    }
    expect(format.fits(payload->size()), "the payload fits the format");
    check_fields(format, *payload, text);
}

}  // namespace

void run(Input input)
{
    try {
        const Format format = Format::parse(input.text_until('\0'), format::Source::pattern);
        const Pattern pattern(input.text_until('\0'), format);
        check_text(format, pattern, input.rest());
    } catch (const format::ParseError&) {
    } catch (const format::PatternError&) {
    }
}

}  // namespace drvbus::fuzz

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "format/pattern.hpp"

#include <cstring>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/encode.hpp"
#include "support/io.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

using format::Format;
using format::Pattern;
using format::PatternError;
using testing::HasSubstr;

double as_double(std::span<const std::byte> bytes)
{
    double value = 0;
    std::memcpy(&value, bytes.data(), sizeof(value));
    return value;
}

/// The values of the fields that `text` has, such as "a=7 b=-2 c=words"; "none" if the pattern does not match.
std::string split(const std::string& pattern, const std::string& format_text, const std::string& text)
{
    const Format format = Format::parse(format_text, format::Source::pattern);
    const auto payload = Pattern(pattern, format).encode(format, std::as_bytes(std::span(text)));
    if (!payload)
        return "none";
    EXPECT_TRUE(format.fits(payload->size()));
    std::string values;
    for (const format::Field& field : format.fields()) {
        const auto bytes = Format::bytes_of(field, *payload);
        values += values.empty() ? "" : " ";
        values += field.name + "=";
        if (field.type == format::Type::f64)
            values += fmt::format("{}", as_double(bytes));
        else if (format::is_integer(field.type))
            values += std::to_string(format::load_integer(field, bytes));
        else
            values += as_text(bytes);
    }
    return values;
}

std::string explained(const std::string& pattern, const std::string& format_text, const std::string& text)
{
    const Format format = Format::parse(format_text, format::Source::pattern);
    return Pattern(pattern, format).explain_mismatch(format, std::as_bytes(std::span(text)));
}

TEST(Pattern, TextIsSplitIntoFields)
{
    EXPECT_EQ(split("{a},{b};{rest}", "u8 a; s16 b; char rest[]", "7,-2;all, the; rest"),
              "a=7 b=-2 rest=all, the; rest");
    EXPECT_EQ(split("t={t} C", "f64 t", "t=21.5 C"), "t=21.5");
    EXPECT_EQ(split("{on}", "bool on", "1"), "on=\x01");
    EXPECT_EQ(split("{n}", "u64 n", "18446744073709551615"), "n=-1") << "the number with the same bits";
    EXPECT_EQ(split("{n}", "s32 n", "+5"), "n=5");
    EXPECT_EQ(split("{c}{?:{n}?}", "char c[3]; u8 n", "abc:4"), "c=abc n=4");
    EXPECT_EQ(split("{x}", "f64 x", "-1.5e3"), "x=-1500");
    EXPECT_EQ(split("{x}", "f64 x", ".5"), "x=0.5");
}

TEST(Pattern, AnyTextFieldCanHaveAnyLength)
{
    EXPECT_EQ(split("{place} {celsius}", "char place[]; f64 celsius", "cpu zone 0 21.5"),
              "place=cpu zone 0 celsius=21.5");
    EXPECT_EQ(split("{a}:{b}:{c}", "char a[]; char b[]; char c[]", "one::three:four"), "a=one b= c=three:four");
    EXPECT_EQ(split("{a};{b}", "char a[]; char b[]", std::string(20000, 'x') + ";" + std::string(20000, 'y')),
              "a=" + std::string(20000, 'x') + " b=" + std::string(20000, 'y'));
}

TEST(Pattern, SpacesAroundNumbersAreNoMismatch)
{
    EXPECT_EQ(split("{n} {m}", "u8 n; u8 m", "1  2"), "n=1 m=2");
    EXPECT_EQ(split("{n} {m}", "u8 n; u8 m", "  1 \t 2 "), "n=1 m=2");
    EXPECT_EQ(split("{x};{name}", "f64 x; char name[]", " 0.5 ; lamp "), "x=0.5 name= lamp ");
}

TEST(Pattern, OptionalPartMayBeMissing)
{
    const std::string pattern = "{flags}{?,caller={caller}?}{?,{more}?};{text}";
    const std::string format = "char flags[]; char caller[]; char more[]; char text[]";
    EXPECT_EQ(split(pattern, format, "-;hello"), "flags=- caller= more= text=hello");
    EXPECT_EQ(split(pattern, format, "-,caller=T1;hello"), "flags=- caller=T1 more= text=hello");
    EXPECT_EQ(split(pattern, format, "c,x=1,y=2;a;b"), "flags=c caller= more=x=1,y=2 text=a;b");
    EXPECT_EQ(split(pattern, format, "c,caller=C0,x=1;"), "flags=c caller=C0 more=x=1 text=");
}

TEST(Pattern, CharactersWithAMeaningInRegularExpressionsAreText)
{
    EXPECT_EQ(split("[{n}]\\E(.*)+?", "u8 n", "[4]\\E(.*)+?"), "n=4");
    EXPECT_EQ(split("[{n}]", "u8 n", "4"), "none");
    EXPECT_EQ(split(std::string("\0{n}", 4), "u8 n",
                    std::string("\0"
                                "4",
                                2)),
              "n=4");
}

TEST(Pattern, FieldsThatAreNotNamedAreZero)
{
    EXPECT_EQ(split("{b}", "u8 a; u8 b; char c[]", "5"), "a=0 b=5 c=");
}

TEST(Pattern, TextThatDoesNotMatchIsRefused)
{
    EXPECT_EQ(split("{a},{b}", "u8 a; u8 b", "1"), "none");
    EXPECT_EQ(split("a={a}", "u8 a", "b=1"), "none");
    EXPECT_EQ(split("{a}", "u8 a", "256"), "none");
    EXPECT_EQ(split("{a}", "u8 a", "1x"), "none");
    EXPECT_EQ(split("{a}", "u8 a", ""), "none");
    EXPECT_EQ(split("{a}", "u64 a", "-1"), "none");
    EXPECT_EQ(split("{a};", "char a[2]", "abc;"), "none");
    EXPECT_EQ(split("{a}", "s64 a", "9223372036854775808"), "none");
}

TEST(Pattern, MismatchIsExplainedWithThePlace)
{
    const std::string format = "char place[]; f64 celsius";
    EXPECT_EQ(
        explained("{place} {celsius}", format, "board 21.5x"),
        "the text \"board 21.5x\" does not match the pattern \"{place} {celsius}\": it has \"x\" where the pattern "
        "ends");
    EXPECT_THAT(explained("{place} {celsius}", format, "board x"),
                HasSubstr("it has \"x\" where {celsius} needs a number"));
    EXPECT_THAT(explained("{place} {celsius}", format, "board"), HasSubstr("after \"\" there is no \" \""));
    EXPECT_THAT(explained("t={place}", format, "p=1"), HasSubstr("it has \"p=1\" where the pattern has \"t=\""));
    EXPECT_THAT(explained("{n};", "u8 n", "-1;"), HasSubstr("needs a whole number without a sign"));
    EXPECT_THAT(explained("{n};", "s8 n", ""), HasSubstr("it ends where {n} needs a whole number"));
    EXPECT_THAT(explained("{n};", "u8 n", "256;"), HasSubstr("a number in it is out of the range of its field"));
    EXPECT_THAT(explained("{n};{on}", "u8 n; bool on", "1;2"), HasSubstr("it has \"2\" where {on} needs 0 or 1"));
    EXPECT_THAT(explained("{c};", "char c[2]", "abc;"), HasSubstr("there is no \";\""));
    EXPECT_THAT(explained("{n}", "u8 n", std::string(100, '\x01')), HasSubstr("\\x01…\""));
}

TEST(Pattern, TextThatWouldTakeTooLongIsRefused)
{
    const std::string format = "char a[]; char b[]; char c[]; char d[]; u8 n";
    const std::string text(65536, ' ');
    EXPECT_EQ(split("{a} {b} {c} {d} {n}", format, text), "none");
    EXPECT_THAT(explained("{a} {b} {c} {d} {n}", format, text), HasSubstr("does not match"));
}

std::string error_of(const std::string& pattern, const std::string& format)
{
    try {
        (void)Pattern(pattern, Format::parse(format, format::Source::pattern));
    } catch (const PatternError& error) {
        return error.what();
    }
    return "none";
}

TEST(Pattern, WrongPatternIsRefused)
{
    EXPECT_THAT(error_of("{a", "u8 a"), HasSubstr("has no matching"));
    EXPECT_THAT(error_of("{b}", "u8 a"), HasSubstr("no field \"b\""));
    EXPECT_THAT(error_of("{a}{b}", "u8 a; u8 b"), HasSubstr("there is no text between {a} and"));
    EXPECT_THAT(error_of("{a}", "u8 a[2]"), HasSubstr("is an array"));
    EXPECT_THAT(error_of("words", "u8 a"), HasSubstr("must name at least one field"));
    EXPECT_THAT(error_of("{a},{a}", "u8 a"), HasSubstr("{a} is there twice"));
    EXPECT_THAT(error_of("{a}{?,{b}", "u8 a; u8 b"), HasSubstr("a '{?' has no matching '?}'"));
    EXPECT_THAT(error_of("{a}{?{b}?}", "u8 a; u8 b"), HasSubstr("must begin with text"));
    EXPECT_THAT(error_of("{a}{?,{?.{b}?}?}", "u8 a; u8 b"), HasSubstr("cannot contain another one"));
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "format/pattern.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/io.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

using format::Format;
using format::Pattern;
using format::PatternError;
using testing::HasSubstr;

/// The payload as text; "none" if the pattern does not match.
std::string encoded(const std::string& pattern, const std::string& format_text, const std::string& text)
{
    const Format format = Format::parse(format_text);
    const auto bytes = Pattern(pattern, format).encode(format, std::as_bytes(std::span(text)));
    return bytes ? as_text(*bytes) : "none";
}

TEST(Pattern, TextIsSplitIntoFields)
{
    EXPECT_EQ(encoded("{a},{b};{rest}", "u8 a; s16 b; char rest[]", "7,-2;all, the; rest"),
              packed(std::uint8_t{7}, std::int16_t{-2}) + "all, the; rest");
    EXPECT_EQ(encoded("t={t} C", "f64 t", "t=21.5 C"), packed(21.5));
    EXPECT_EQ(encoded("{on}", "bool on", "1"), packed(std::uint8_t{1}));
    EXPECT_EQ(encoded("{n}", "u64 n", "18446744073709551615"), packed(UINT64_MAX));
    EXPECT_EQ(encoded("{n} {m}", "u8 n; u8 m", "1  2"), packed(std::uint8_t{1}, std::uint8_t{2}));
}

TEST(Pattern, FieldsThatAreNotNamedAreZero)
{
    EXPECT_EQ(encoded("{b}", "u8 a; u8 b; char c[2]", "5"),
              packed(std::uint8_t{0}, std::uint8_t{5}) + std::string(2, 0));
}

TEST(Pattern, TextThatDoesNotMatchIsRefused)
{
    EXPECT_EQ(encoded("{a},{b}", "u8 a; u8 b", "1"), "none");
    EXPECT_EQ(encoded("a={a}", "u8 a", "b=1"), "none");
    EXPECT_EQ(encoded("{a}", "u8 a", "256"), "none");
    EXPECT_EQ(encoded("{a}", "u8 a", "1x"), "none");
    EXPECT_EQ(encoded("{a}", "u8 a", ""), "none");
    EXPECT_EQ(encoded("{a}", "u64 a", "-1"), "none");
    EXPECT_EQ(encoded("{a};", "char a[2]", "abc;"), "none");
}

std::string error_of(const std::string& pattern, const std::string& format)
{
    try {
        (void)Pattern(pattern, Format::parse(format));
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
}

}  // namespace
}  // namespace drvbus::test

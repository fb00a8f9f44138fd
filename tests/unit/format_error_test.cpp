// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Errors of a format name line and column, and what would be right.
#include "format/format.hpp"

#include <ostream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/drvbus.h>

namespace drvbus::test {
namespace {

using format::Format;
using format::ParseError;
using testing::HasSubstr;

struct WrongText {
    const char* title;
    std::string text;
    std::size_t line;
    std::size_t column;
    std::string message;
};

std::ostream& operator<<(std::ostream& stream, const WrongText& wrong)
{
    return stream << wrong.title;
}

std::string many_fields(int count)
{
    std::string text;
    for (int i = 0; i < count; ++i)
        text += "u8 _;";
    return text;
}

class WrongFormat : public testing::TestWithParam<WrongText> {};

TEST_P(WrongFormat, IsRefusedWithLineAndColumn)
{
    const WrongText& wrong = GetParam();
    try {
        (void)Format::parse(wrong.text);
        FAIL() << "no error was reported";
    } catch (const ParseError& error) {
        EXPECT_EQ(error.line, wrong.line);
        EXPECT_EQ(error.column, wrong.column);
        EXPECT_EQ(error.what(), "line " + std::to_string(wrong.line) + ", column " + std::to_string(wrong.column) +
                                    ": " + wrong.message);
    }
}

const std::string kTypes = "u8 s8 u16 s16 u32 s32 u64 s64 f32 f64 bool char pairs";
const std::string kByteOrder = "; those of more than one byte can have a byte order, such as u16be or u16le";
const std::string kNumber = "expected a number of elements from 1 to 65536, or nothing for the rest of the payload";

INSTANTIATE_TEST_SUITE_P(
    Formats, WrongFormat,
    testing::Values(
        WrongText{"UnknownType", "u16 a; u24 b", 1, 8, "'u24' is not a type; the types are " + kTypes + kByteOrder},
        WrongText{"UnknownTypeOnALaterLine", "u16 a;\n\n  int b", 3, 3,
                  "'int' is not a type; the types are " + kTypes + kByteOrder},
        WrongText{"TypesAreInLowerCase", "U8 a", 1, 1, "'U8' is not a type; the types are " + kTypes + kByteOrder},
        WrongText{"NoType", "u8 a; ; u8 b", 1, 7, "expected a type (" + kTypes + "), found ';'"},
        WrongText{"SemicolonAlone", ";", 1, 1, "expected a type (" + kTypes + "), found ';'"},
        WrongText{"NumberForAType", "  8 a", 1, 3, "expected a type (" + kTypes + "), found '8'"},
        WrongText{"NoNameAtTheEnd", "u8", 1, 3, "expected the field's name, found the end of the text"},
        WrongText{"NoName", "u8 ; u8 b", 1, 4, "expected the field's name, found ';'"},
        WrongText{"NameStartsWithADigit", "u8 1st", 1, 4, "expected the field's name, found '1'"},
        WrongText{"NameWithABadCharacter", "u8 a.b", 1, 5, "expected ';' after the field, found '.'"},
        WrongText{"ByteOrderOfOneByte", "u8be a", 1, 1, "'u8be' is not a type; the types are " + kTypes + kByteOrder},
        WrongText{"OffsetIsNoNumber", "u8 a - b", 1, 8, "expected a number, found 'b'"},
        WrongText{"ScaleIsNotFinite", "u8 a * inf", 1, 11, "expected a number, found the end of the text"},
        WrongText{"ScaleOfText", "char a * 2", 1, 8, "only a number can have a scale, 'a' is none"},
        WrongText{"NoBitFieldWidth", "u8 a { b }", 1, 10,
                  "expected ':' and a number of bits from 1 to 8, which are left in the number"},
        WrongText{"TooManyBits", "u8 a { b:4; c:5 }", 1, 17,
                  "expected ':' and a number of bits from 1 to 4, which are left in the number"},
        WrongText{"BitFieldsNotClosed", "u8 a { b:4", 1, 11,
                  "expected '}' after the bit fields, found the end of the text"},
        WrongText{"BitFieldsOfAFloat", "f32 a { b:4 }", 1, 5, "only one integer can have bit fields, 'a' is none"},
        WrongText{"BitFieldDefinedTwice", "u8 a { b:4; b:4 }", 1, 13, "the field 'b' is defined twice"},
        WrongText{"NamesOfAFloat", "f32 a (0 off)", 1, 7,
                  "only one integer without a scale can have names, 'a' is none"},
        WrongText{"NamesOfAScaledNumber", "u8 a * 2 (0 off)", 1, 6,
                  "only one integer without a scale can have names, 'a' is none"},
        WrongText{"NameWithoutNumber", "u8 a (off)", 1, 7,
                  "expected a number and its name, such as '0 off', found 'o'"},
        WrongText{"NumberWithoutName", "u8 a (0, 1 on)", 1, 8, "expected the name of the number 0, found ','"},
        WrongText{"NumberWithTwoNames", "u8 a (0 off, 0 on)", 1, 16, "the number 0 has two names"},
        WrongText{"NamesNotClosed", "u8 a (0 off", 1, 12, "expected ')' after the names, found the end of the text"},
        WrongText{"ControlCharacter", std::string("u8 a\x01", 5), 1, 5,
                  "expected ';' after the field, found the byte 0x01"},
        WrongText{"NulCharacter", std::string("u8 \0a", 5), 1, 4, "expected the field's name, found the byte 0x00"},
        WrongText{"NotAscii", "u8 \xc3\xa4", 1, 4, "expected the field's name, found the byte 0xc3"},
        WrongText{"NoSemicolon", "u8 a u8 b", 1, 6, "expected ';' after the field, found 'u'"},
        WrongText{"NoSemicolonAtALineEnd", "u8 a\nu8 b", 2, 1, "expected ';' after the field, found 'u'"},
        WrongText{"ParametersAndMore", "u32[] x", 1, 4, "expected the field's name, found '['"},
        WrongText{"ParametersOfAnotherType", "u16[]", 1, 4, "expected the field's name, found '['"},
        WrongText{"ParametersWithACount", "u32[4]", 1, 4, "expected the field's name, found '['"},
        WrongText{"NotClosed", "u8 a[4", 1, 7, "expected ']' after the number of elements, found the end of the text"},
        WrongText{"ClosedWrongly", "u8 a[4)", 1, 7, "expected ']' after the number of elements, found ')'"},
        WrongText{"ZeroElements", "u8 a[0]", 1, 6, kNumber}, WrongText{"NegativeCount", "u8 a[-1]", 1, 6, kNumber},
        WrongText{"CountIsNoNumber", "u8 a[ n]", 1, 7, kNumber},
        WrongText{"CountTooLarge", "u8 a[65537]", 1, 6, kNumber},
        WrongText{"CountBeyondIntegers", "u8 a[99999999999999999999]", 1, 6, kNumber},
        WrongText{"NothingInTheBrackets", "u8 a[", 1, 6, kNumber},
        WrongText{"NameTwice", "u8 a;\nu16 a", 2, 5, "the field 'a' is defined twice"},
        WrongText{"BehindTheRest", "u8 a[]; u8 b", 1, 12,
                  "nothing can follow a field that takes the rest of the payload ('[]')"},
        WrongText{"TwoRests", "u8 a[];\nu8 b[]", 2, 4,
                  "nothing can follow a field that takes the rest of the payload ('[]')"},
        WrongText{"PayloadTooLarge", "u8 a;\n  u64 b[8192]", 2, 7,
                  "the fields up to 'b' take 65537 bytes; a payload has at most 65536"},
        WrongText{"FieldTooLarge", "u64 big[65536]", 1, 5,
                  "the fields up to 'big' take 524288 bytes; a payload has at most 65536"},
        WrongText{"TooManyFields", many_fields(128) + "\nu8 last", 2, 4, "more than 128 fields"},
        WrongText{"NameTooLong", "u8 " + std::string(64, 'n'), 1, 4, "a name has at most 63 characters"}),
    [](const auto& wrong) { return std::string(wrong.param.title); });

TEST(WrongFormatText, TooLongTextIsRefused)
{
    std::string text = "u8 x";
    text.resize(DRVBUS_FORMAT_MAX + 1, ' ');
    try {
        (void)Format::parse(text);
        FAIL() << "no error was reported";
    } catch (const ParseError& error) {
        EXPECT_EQ(error.line, 1U);
        EXPECT_THAT(error.what(), HasSubstr("the format is 1025 bytes long; the limit is 1024"));
    }
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "format/encode.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/record.hpp"

namespace drvbus::test {
namespace {

using format::encode;
using format::EncodeError;
using format::Format;
using format::Value;
using testing::HasSubstr;
using Values = std::map<std::string, Value>;

std::string bytes(const std::string& format, const Values& values)
{
    return std::string(as_text(encode(Format::parse(format), values)));
}

std::string error(const std::string& format, const Values& values)
{
    try {
        (void)encode(Format::parse(format), values);
    } catch (const EncodeError& wrong) {
        return wrong.field + ": " + wrong.what();
    }
    return "no error was reported";
}

TEST(Encode, ValuesAreStoredAtTheirFields)
{
    EXPECT_EQ(
        bytes("u8 a; u16 b; s32 c; u64 d; bool e; f32 f; f64 g",
              {{"a", 1}, {"b", 2}, {"c", -3}, {"d", 4}, {"e", true}, {"f", 0.5}, {"g", 7}}),
        packed(std::uint8_t{1}, std::uint16_t{2}, std::int32_t{-3}, std::uint64_t{4}, std::uint8_t{1}, 0.5F, 7.0));
}

TEST(Encode, FieldsWithoutAValueAreZero)
{
    EXPECT_EQ(bytes("u32 a; u32 b", {{"b", 1}}), packed(std::uint32_t{0}, std::uint32_t{1}));
    EXPECT_EQ(bytes("u32 a; u8 more[]", {}), packed(std::uint32_t{0}));
}

TEST(Encode, StringsAndArraysAreAccepted)
{
    EXPECT_EQ(bytes("char label[8]; u16 list[3]", {{"label", "abc"}, {"list", std::vector<std::int64_t>{1, 2}}}),
              std::string("abc\0\0\0\0\0\1\0\2\0\0\0", 14));
    EXPECT_EQ(bytes("u8 a; char text[]", {{"a", 65}, {"text", "bc"}}), "Abc");
    EXPECT_EQ(bytes("u16 list[]", {{"list", std::vector<std::int64_t>{1, 2}}}),
              packed(std::uint16_t{1}, std::uint16_t{2}));
}

TEST(Encode, ValueThatDoesNotFitIsAnError)
{
    EXPECT_THAT(error("u8 a", {{"b", 1}}), HasSubstr("b: the format \"u8 a\" does not have this field"));
    EXPECT_EQ(error("u8 a", {{"a", 256}}), "a: 256 is out of range for the type of the field");
    EXPECT_EQ(error("u8 a", {{"a", -1}}), "a: -1 is out of range for the type of the field");
    EXPECT_EQ(error("u32 a", {{"a", 0.5}}), "a: a number with a fraction is for fields of type f32 and f64");
    EXPECT_EQ(error("u32 a", {{"a", true}}), "a: true and false are for fields of type bool");
    EXPECT_EQ(error("u32 a", {{"a", "text"}}), "a: a string is for fields of type char");
    EXPECT_EQ(error("char a[2]", {{"a", "text"}}), "a: the string has 4 bytes, the field has 2");
    EXPECT_EQ(error("u8 a[2]", {{"a", 1}}), "a: it is an array: its value is a list, such as [1, 2]");
    EXPECT_EQ(error("u8 a", {{"a", std::vector<std::int64_t>{1}}}), "a: the field is not an array");
    EXPECT_EQ(error("u8 a[1]", {{"a", std::vector<std::int64_t>{1, 2}}}), "a: there are 2 values for 1 elements");
    EXPECT_EQ(error("u8 a[1]", {{"a", std::vector<std::int64_t>{256}}}),
              "a: 256 is out of range for the type of the field");
}

TEST(Encode, LoadReturnsWhatStoreWrote)
{
    for (const format::Type type : {format::Type::u8, format::Type::s8, format::Type::u16, format::Type::s16,
                                    format::Type::u32, format::Type::s32, format::Type::u64, format::Type::s64}) {
        std::array<std::byte, 8> element{};
        ASSERT_TRUE(format::is_integer(type));
        ASSERT_TRUE(format::store_integer({.type = type}, 100, element));
        EXPECT_EQ(format::load_integer({.type = type}, element), 100);
    }
    std::array<std::byte, 8> element{};
    ASSERT_TRUE(format::store_integer({.type = format::Type::s16}, -100, element));
    EXPECT_EQ(format::load_integer({.type = format::Type::s16}, element), -100);
    EXPECT_FALSE(format::is_integer(format::Type::f64));
    EXPECT_FALSE(format::store_integer({.type = format::Type::boolean}, 1, element));
}

TEST(Encode, BitFieldsAndByteOrderAreThoseOfTheFormat)
{
    const std::string format = "u16be x { low:4; mid:8; high:4 }; s32be y; f32be z";
    const Values values{{"low", std::int64_t{0xd}},
                        {"mid", std::int64_t{0xbc}},
                        {"high", std::int64_t{0xa}},
                        {"y", std::int64_t{-2}},
                        {"z", -2.25}};
    EXPECT_EQ(bytes(format, values), std::string("\xab\xcd\xff\xff\xff\xfe\xc0\x10\0\0", 10));
    EXPECT_THROW((void)bytes(format, {{"low", std::int64_t{16}}}), EncodeError);
}

}  // namespace
}  // namespace drvbus::test

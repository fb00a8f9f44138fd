// SPDX-License-Identifier: LGPL-2.1-or-later
#include "format/format.hpp"

#include <ostream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/drvbus.h>

#include "support/record.hpp"

namespace drvbus::test {
namespace {

using format::Format;
using format::Shape;
using format::Type;
using testing::HasSubstr;

struct TypeCase {
    const char* name;
    Type type;
    std::size_t size;
    const char* single;
    const char* array;
};

std::ostream& operator<<(std::ostream& stream, const TypeCase& type)
{
    return stream << type.name;
}

class EachType : public testing::TestWithParam<TypeCase> {
protected:
    static format::Field only_field(const std::string& extent)
    {
        const Format format = Format::parse(std::string(GetParam().name) + " value" + extent);
        EXPECT_EQ(format.kind(), Format::Kind::fields);
        EXPECT_EQ(format.fields().size(), 1U);
        EXPECT_EQ(format.fields().at(0).name, "value");
        EXPECT_EQ(format.fields().at(0).type, GetParam().type);
        EXPECT_EQ(format.fields().at(0).offset, 0U);
        EXPECT_FALSE(format.fields().at(0).padding);
        return format.fields().at(0);
    }
};

TEST_P(EachType, HasItsSize)
{
    EXPECT_EQ(format::size_of(GetParam().type), GetParam().size);
}

TEST_P(EachType, CanBeSingle)
{
    const format::Field field = only_field("");
    EXPECT_EQ(field.shape, Shape::single);
    EXPECT_EQ(field.signature, GetParam().single);

    const Format format = Format::parse(std::string(GetParam().name) + " value");
    EXPECT_TRUE(format.fits(GetParam().size));
    EXPECT_FALSE(format.fits(GetParam().size - 1));
    EXPECT_FALSE(format.fits(GetParam().size + 1));
}

TEST_P(EachType, CanBeAnArray)
{
    const format::Field field = only_field("[3]");
    EXPECT_EQ(field.shape, Shape::array);
    EXPECT_EQ(field.count, 3U);
    EXPECT_EQ(field.signature, GetParam().array);

    const Format format = Format::parse(std::string(GetParam().name) + " value[3]");
    EXPECT_TRUE(format.fits(3 * GetParam().size));
    EXPECT_FALSE(format.fits(2 * GetParam().size));
    EXPECT_FALSE(format.fits(4 * GetParam().size));
}

TEST_P(EachType, CanExtendToTheEnd)
{
    const format::Field field = only_field("[]");
    EXPECT_EQ(field.shape, Shape::rest);
    EXPECT_EQ(field.count, 0U);
    EXPECT_EQ(field.signature, GetParam().array);

    const Format format = Format::parse(std::string(GetParam().name) + " value[]");
    EXPECT_TRUE(format.fits(0));
    EXPECT_TRUE(format.fits(GetParam().size));
    EXPECT_TRUE(format.fits(5 * GetParam().size));
    EXPECT_EQ(format.fits(GetParam().size + 1), GetParam().size == 1);
}

INSTANTIATE_TEST_SUITE_P(
    Types, EachType,
    testing::Values(TypeCase{"u8", Type::u8, 1, "y", "ay"}, TypeCase{"s8", Type::s8, 1, "n", "an"},
                    TypeCase{"u16", Type::u16, 2, "q", "aq"}, TypeCase{"s16", Type::s16, 2, "n", "an"},
                    TypeCase{"u32", Type::u32, 4, "u", "au"}, TypeCase{"s32", Type::s32, 4, "i", "ai"},
                    TypeCase{"u64", Type::u64, 8, "t", "at"}, TypeCase{"s64", Type::s64, 8, "x", "ax"},
                    TypeCase{"f32", Type::f32, 4, "d", "ad"}, TypeCase{"f64", Type::f64, 8, "d", "ad"},
                    TypeCase{"bool", Type::boolean, 1, "b", "ab"}, TypeCase{"char", Type::character, 1, "s", "s"}),
    [](const auto& type) { return std::string(type.param.name); });

TEST(Format, FieldsAreAdjacent)
{
    const Format format =
        Format::parse("u16 sensor; s16 milli_celsius; u32 samples[4]; u8 one; u64 wide; char label[8]; u8 rest[]");
    ASSERT_EQ(format.fields().size(), 7U);
    EXPECT_EQ(format.fields().at(0).offset, 0U);
    EXPECT_EQ(format.fields().at(1).offset, 2U);
    EXPECT_EQ(format.fields().at(2).offset, 4U);
    EXPECT_EQ(format.fields().at(3).offset, 20U);
    EXPECT_EQ(format.fields().at(4).offset, 21U);
    EXPECT_EQ(format.fields().at(5).offset, 29U);
    EXPECT_EQ(format.fields().at(6).offset, 37U);
    EXPECT_FALSE(format.fits(36));
    EXPECT_TRUE(format.fits(37));
    EXPECT_TRUE(format.fits(38));
}

TEST(Format, BytesOfReturnsTheBytesOfTheField)
{
    const Format format = Format::parse("u8 first; u16 pair[2]; char last; s16 rest[]");
    const std::string payload = "abcdefghij";
    ASSERT_TRUE(format.fits(payload.size()));
    const auto of = [&](std::size_t field) {
        return as_text(Format::bytes_of(format.fields().at(field), as_bytes(payload)));
    };
    EXPECT_EQ(of(0), "a");
    EXPECT_EQ(of(1), "bcde");
    EXPECT_EQ(of(2), "f");
    EXPECT_EQ(of(3), "ghij");
    EXPECT_TRUE(Format::bytes_of(format.fields().at(3), as_bytes(payload).first(6)).empty());
}

TEST(Format, NamesWithALeadingUnderscoreArePadding)
{
    const Format format = Format::parse("u8 kind; u8 _[3]; u32 value; u16 _; u16 _unused");
    ASSERT_EQ(format.fields().size(), 5U);
    EXPECT_FALSE(format.fields().at(0).padding);
    EXPECT_TRUE(format.fields().at(1).padding);
    EXPECT_FALSE(format.fields().at(2).padding);
    EXPECT_TRUE(format.fields().at(3).padding);
    EXPECT_TRUE(format.fields().at(4).padding);
    EXPECT_EQ(format.fields().at(2).offset, 4U);
    EXPECT_TRUE(format.fits(12));
    EXPECT_FALSE(format.fits(5));
}

TEST(Format, WhiteSpaceAndLastSemicolonAreOptional)
{
    const Format format = Format::parse("\t u16\tsensor ;\r\n  u32 samples [ 4 ] ;\n u8 rest[ ] ; \n");
    ASSERT_EQ(format.fields().size(), 3U);
    EXPECT_EQ(format.fields().at(0).name, "sensor");
    EXPECT_EQ(format.fields().at(1).count, 4U);
    EXPECT_EQ(format.fields().at(2).shape, Shape::rest);
}

TEST(Format, TextIsKept)
{
    EXPECT_EQ(Format::parse("u16  sensor;").text(), "u16  sensor;");
    EXPECT_EQ(Format::parse("u32[]").text(), "u32[]");
    EXPECT_EQ(Format::parse("").text(), "");
    EXPECT_EQ(Format().text(), "");
}

TEST(Format, EmptyTextMeansBytes)
{
    for (const char* const text : {"", " ", "\n\t \r\n"}) {
        const Format format = Format::parse(text);
        EXPECT_EQ(format.kind(), Format::Kind::bytes);
        EXPECT_TRUE(format.fields().empty());
        EXPECT_TRUE(format.fits(0));
        EXPECT_TRUE(format.fits(DRVBUS_PAYLOAD_MAX));
    }
    EXPECT_EQ(Format().kind(), Format::Kind::bytes);
}

TEST(Format, ArrayWithoutANameMeansParameters)
{
    for (const char* const text : {"u32[]", " u32 [ ] ", "u32[];", "\nu32[]\n;\n"}) {
        const Format format = Format::parse(text);
        EXPECT_EQ(format.kind(), Format::Kind::parameters) << text;
        EXPECT_TRUE(format.fields().empty());
        EXPECT_TRUE(format.fits(0));
        EXPECT_TRUE(format.fits(12));
        EXPECT_FALSE(format.fits(13));
        EXPECT_FALSE(format.fits(3));
    }
    // Not parameters, because it has a name.
    EXPECT_EQ(Format::parse("u32 x[]").kind(), Format::Kind::fields);
    EXPECT_EQ(Format::parse("u32 x").kind(), Format::Kind::fields);
}

TEST(Format, MismatchIsExplainedWithTheAcceptedSizes)
{
    EXPECT_THAT(Format::parse("u16 a; u32 b").explain_mismatch(1), HasSubstr("which takes 6 bytes."));
    EXPECT_THAT(Format::parse("u16 a; u8 b[]").explain_mismatch(1), HasSubstr("which takes 2 bytes or more."));
    EXPECT_THAT(Format::parse("u16 a; u64 b[]").explain_mismatch(1),
                HasSubstr("which takes 2 bytes and any multiple of 8."));
    EXPECT_THAT(Format::parse("u32[]").explain_mismatch(1), HasSubstr("which takes 0 bytes and any multiple of 4."));
}

TEST(Format, WithAPatternAnyTextFieldHasAnyLength)
{
    const Format format = Format::parse("char a[]; u8 n; pairs b[]", format::Source::pattern);
    EXPECT_EQ(format.fixed_size(), 17U);
    EXPECT_FALSE(format.has_fixed_size());
    EXPECT_EQ(format.fields().at(0).signature, "s");
    EXPECT_EQ(format.fields().at(2).signature, "a{ss}");
    // References that no pattern made.
    for (const std::string& payload : {std::string(17, '\xff'), std::string(16, '\0') + '\1', std::string(17, '\0')}) {
        ASSERT_TRUE(format.fits(payload.size()));
        EXPECT_LE(Format::bytes_of(format.fields().at(0), std::as_bytes(std::span(payload))).size(), payload.size());
    }
}

TEST(Format, LimitsCanBeReached)
{
    std::string fields;
    for (int i = 0; i < 128; ++i)
        fields += "u8 _;";
    EXPECT_EQ(Format::parse(fields).fields().size(), 128U);

    const std::string name(63, 'n');
    EXPECT_EQ(Format::parse("u8 " + name).fields().at(0).name, name);

    const std::string all = "u8 x[" + std::to_string(DRVBUS_PAYLOAD_MAX) + "]";
    EXPECT_TRUE(Format::parse(all).fits(DRVBUS_PAYLOAD_MAX));

    std::string longest = "u8 x";
    longest.resize(DRVBUS_FORMAT_MAX, ' ');
    EXPECT_EQ(Format::parse(longest).fields().size(), 1U);
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The daemon decodes payload bytes into typed, named values on the bus.
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fifo_test.hpp"

namespace drvbus::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Data : public FifoTest {
protected:
    /// Sends one event with `payload`. @returns the received signal
    Event publish(const std::string& payload)
    {
        send(++sequence_, payload);
        if (!subscriber_.wait_for(sequence_))
            throw std::runtime_error("the event was not received: " + summary(subscriber_));
        return subscriber_.received().events.back();
    }

    std::map<std::string, sdbus::Variant> fields(const std::string& payload) { return publish(payload).fields(); }

private:
    std::uint64_t sequence_ = 0;
};

TEST_F(Data, EachFieldTypeHasItsBusType)
{
    start_channel("format = \"u8 a; s8 b; u16 c; s16 d; u32 e; s32 f; u64 g; s64 h; f32 i; f64 j; bool k; char l\"\n");
    const auto largest = fields(packed(std::uint8_t{255}, std::int8_t{127}, std::uint16_t{65535}, std::int16_t{32767},
                                       std::uint32_t{4294967295}, std::int32_t{2147483647}, UINT64_MAX, INT64_MAX, 1.5F,
                                       0.1, std::uint8_t{1}, 'z'));
    EXPECT_EQ(largest.size(), 12U);
    EXPECT_EQ(largest.at("a").get<std::uint8_t>(), 255);
    EXPECT_EQ(largest.at("b").get<std::int16_t>(), 127);
    EXPECT_EQ(largest.at("c").get<std::uint16_t>(), 65535);
    EXPECT_EQ(largest.at("d").get<std::int16_t>(), 32767);
    EXPECT_EQ(largest.at("e").get<std::uint32_t>(), 4294967295);
    EXPECT_EQ(largest.at("f").get<std::int32_t>(), 2147483647);
    EXPECT_EQ(largest.at("g").get<std::uint64_t>(), UINT64_MAX);
    EXPECT_EQ(largest.at("h").get<std::int64_t>(), INT64_MAX);
    EXPECT_EQ(largest.at("i").get<double>(), 1.5);
    EXPECT_EQ(largest.at("j").get<double>(), 0.1);
    EXPECT_EQ(largest.at("k").get<bool>(), true);
    EXPECT_EQ(largest.at("l").get<std::string>(), "z");

    const auto smallest =
        fields(packed(std::uint8_t{0}, std::int8_t{-128}, std::uint16_t{0}, std::int16_t{-32768}, std::uint32_t{0},
                      INT32_MIN, std::uint64_t{0}, INT64_MIN, -2.25F, -1e300, std::uint8_t{0}, '\0'));
    EXPECT_EQ(smallest.at("a").get<std::uint8_t>(), 0);
    EXPECT_EQ(smallest.at("b").get<std::int16_t>(), -128);
    EXPECT_EQ(smallest.at("c").get<std::uint16_t>(), 0);
    EXPECT_EQ(smallest.at("d").get<std::int16_t>(), -32768);
    EXPECT_EQ(smallest.at("e").get<std::uint32_t>(), 0U);
    EXPECT_EQ(smallest.at("f").get<std::int32_t>(), INT32_MIN);
    EXPECT_EQ(smallest.at("g").get<std::uint64_t>(), 0U);
    EXPECT_EQ(smallest.at("h").get<std::int64_t>(), INT64_MIN);
    EXPECT_EQ(smallest.at("i").get<double>(), -2.25);
    EXPECT_EQ(smallest.at("j").get<double>(), -1e300);
    EXPECT_EQ(smallest.at("k").get<bool>(), false);
    EXPECT_EQ(smallest.at("l").get<std::string>(), "");
}

TEST_F(Data, ArraysOfEachFieldTypeArePublished)
{
    start_channel("format = \"u8 a[2]; s8 b[2]; u16 c[2]; s16 d[2]; u32 e[2]; s32 f[2]; u64 g[2]; s64 h[2]; "
                  "f32 i[2]; f64 j[2]; bool k[2]; char l[2]\"\n");
    const auto all = fields(packed(
        std::uint8_t{1}, std::uint8_t{2}, std::int8_t{-1}, std::int8_t{2}, std::uint16_t{300}, std::uint16_t{400},
        std::int16_t{-300}, std::int16_t{400}, 70000U, 80000U, -70000, 80000, std::uint64_t{1} << 40U, std::uint64_t{7},
        -(std::int64_t{1} << 40U), std::int64_t{7}, 0.5F, -0.5F, 0.25, -0.25, std::uint8_t{0}, std::uint8_t{9}, "ab"));
    EXPECT_THAT(all.at("a").get<std::vector<std::uint8_t>>(), ElementsAre(1, 2));
    EXPECT_THAT(all.at("b").get<std::vector<std::int16_t>>(), ElementsAre(-1, 2));
    EXPECT_THAT(all.at("c").get<std::vector<std::uint16_t>>(), ElementsAre(300, 400));
    EXPECT_THAT(all.at("d").get<std::vector<std::int16_t>>(), ElementsAre(-300, 400));
    EXPECT_THAT(all.at("e").get<std::vector<std::uint32_t>>(), ElementsAre(70000, 80000));
    EXPECT_THAT(all.at("f").get<std::vector<std::int32_t>>(), ElementsAre(-70000, 80000));
    EXPECT_THAT(all.at("g").get<std::vector<std::uint64_t>>(), ElementsAre(std::uint64_t{1} << 40U, 7));
    EXPECT_THAT(all.at("h").get<std::vector<std::int64_t>>(), ElementsAre(-(std::int64_t{1} << 40U), 7));
    EXPECT_THAT(all.at("i").get<std::vector<double>>(), ElementsAre(0.5, -0.5));
    EXPECT_THAT(all.at("j").get<std::vector<double>>(), ElementsAre(0.25, -0.25));
    EXPECT_EQ(std::string(all.at("k").peekValueType()), "ab");
    EXPECT_EQ(all.at("l").get<std::string>(), "ab");
}

TEST_F(Data, TextEndsAtNulAndOtherBytesAreNotChanged)
{
    start_channel("format = \"char label[8]; char rest[]\"\n");
    auto texts = fields(std::string("fan\0junk", 8) + "g\xc3\xbcltig");
    EXPECT_EQ(texts.at("label").get<std::string>(), "fan");
    EXPECT_EQ(texts.at("rest").get<std::string>(), "g\xc3\xbcltig");

    texts = fields("12345678\xff\xc3");
    EXPECT_EQ(texts.at("label").get<std::string>(), "12345678");
    EXPECT_THAT(texts.at("rest").get<std::vector<std::uint8_t>>(), ElementsAre(0xff, 0xc3));

    texts = fields(std::string("12345678\xef\xbf\xbe"));  // U+FFFE, which sd-bus refuses
    EXPECT_THAT(texts.at("rest").get<std::vector<std::uint8_t>>(), ElementsAre(0xef, 0xbf, 0xbe));

    texts = fields(std::string(8, '\0'));
    EXPECT_EQ(texts.at("label").get<std::string>(), "");
    EXPECT_EQ(texts.at("rest").get<std::string>(), "");
}

TEST_F(Data, RestFieldMayBeLongOrEmpty)
{
    start_channel("format = \"u8 kind; s16 rest[]\"\n");
    EXPECT_THAT(fields(packed(std::uint8_t{7}, std::int16_t{-5}, std::int16_t{6}, std::int16_t{-7}))
                    .at("rest")
                    .get<std::vector<std::int16_t>>(),
                ElementsAre(-5, 6, -7));
    const auto empty = fields(packed(std::uint8_t{8}));
    EXPECT_EQ(empty.at("kind").get<std::uint8_t>(), 8);
    EXPECT_THAT(empty.at("rest").get<std::vector<std::int16_t>>(), IsEmpty());
}

TEST_F(Data, ValuesAreThoseOfTheFormat)
{
    start_channel(
        "format = \"u16be adc { level:12 * 0.25 - 100; gain:3 (0 low, 7 high); _:1 }; s16be axes[2] * 0.5\"\n");
    const auto values = fields("\x71\x90\xff\xff" + std::string("\x00\x03", 2));
    EXPECT_EQ(values.at("level").get<double>(), 0.0);
    EXPECT_EQ(values.at("gain").get<std::string>(), "high");
    EXPECT_THAT(values.at("axes").get<std::vector<double>>(), ElementsAre(-0.5, 1.5));
}

TEST_F(Data, PaddingIsNotPublished)
{
    start_channel("format = \"u8 kind; u8 _[3]; u32 value\"\n");
    const auto named = fields(packed(std::uint8_t{1}, "\xff\xff\xff", 42U));
    EXPECT_EQ(named.size(), 2U);
    EXPECT_EQ(named.at("kind").get<std::uint8_t>(), 1);
    EXPECT_EQ(named.at("value").get<std::uint32_t>(), 42U);
}

TEST_F(Data, BareParametersArePublishedAsArray)
{
    start_channel("format = \"u32[]\"\n");
    EXPECT_THAT(publish(packed(1U, 4000000000U, 3U)).data.get<std::vector<std::uint32_t>>(),
                ElementsAre(1, 4000000000, 3));
    EXPECT_THAT(publish("").data.get<std::vector<std::uint32_t>>(), IsEmpty());
}

TEST_F(Data, PayloadWithoutFormatIsPublishedAsBytes)
{
    start_channel();
    EXPECT_THAT(publish(std::string("\x01\x00\xff", 3)).data.get<std::vector<std::uint8_t>>(), ElementsAre(1, 0, 255));
    EXPECT_THAT(publish("").data.get<std::vector<std::uint8_t>>(), IsEmpty());
    EXPECT_EQ(subscriber_.channel().Format(), "");
    EXPECT_EQ(subscriber_.channel().FormatMismatches(), 0U);
}

TEST_F(Data, MismatchIsPublishedAsBytesAndCounted)
{
    start_channel("format = \"u32 value\"\n");
    EXPECT_EQ(fields(packed(5U)).at("value").get<std::uint32_t>(), 5U);
    EXPECT_EQ(subscriber_.channel().FormatMismatches(), 0U);
    EXPECT_THAT(publish("abc").data.get<std::vector<std::uint8_t>>(), ElementsAre('a', 'b', 'c'));
    EXPECT_THAT(publish("abcde").data.get<std::vector<std::uint8_t>>().size(), 5U);
    EXPECT_EQ(subscriber_.channel().FormatMismatches(), 2U);
    EXPECT_EQ(fields(packed(6U)).at("value").get<std::uint32_t>(), 6U);
    EXPECT_EQ(subscriber_.channel().FormatMismatches(), 2U);
    EXPECT_EQ(subscriber_.channel().EventsPublished(), 4U);
    EXPECT_THAT(daemon().output(), testing::HasSubstr("a payload of 3 bytes does not fit the format, which takes 4 "
                                                      "bytes"));
}

TEST_F(Data, LargestPayloadIsPublishedCompletely)
{
    start_channel("format = \"u8 first; u32 _[16383]; u8 rest[]\"\n");
    std::string payload(65536, '\0');
    payload.front() = 'a';
    payload.back() = 'z';
    const auto named = fields(payload);
    EXPECT_EQ(named.at("first").get<std::uint8_t>(), 'a');
    EXPECT_THAT(named.at("rest").get<std::vector<std::uint8_t>>(), ElementsAre(0, 0, 'z'));
}

}  // namespace
}  // namespace drvbus::test

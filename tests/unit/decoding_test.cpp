// SPDX-License-Identifier: LGPL-2.1-or-later
#include "record/decoding.hpp"

#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/io.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

using format::Field;
using format::Format;
using record::Decoder;
using record::DecodingRules;
using testing::HasSubstr;

Field field(const Format& format, const std::string& name)
{
    return *std::ranges::find(format.fields(), name, &Field::name);
}

class Decode : public testing::Test {
protected:
    void format(const std::string& text) { decoding_.format = Format::parse(text); }
    [[nodiscard]] Field field(const std::string& name) const { return test::field(decoding_.format, name); }

    std::optional<record::Event> decode(const std::string& payload, const std::string& prefix = {})
    {
        const auto bytes = std::as_bytes(std::span(prefix));
        decoder_ = Decoder(decoding_, {bytes.begin(), bytes.end()});
        payload_ = payload;  // an event may be a view of it
        return decoder_.decode(std::as_bytes(std::span(payload_)), counter_);
    }

    DecodingRules decoding_;
    Decoder decoder_;
    std::string payload_;
    record::SequenceCounter counter_;
};

std::uint64_t now_ns(clockid_t clock)
{
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

TEST_F(Decode, DefaultRulesNumberAndTimestampEvents)
{
    const std::uint64_t before = now_ns(CLOCK_MONOTONIC);
    for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {
        const auto event = decode("payload");
        ASSERT_TRUE(event);
        EXPECT_EQ(event->sequence, sequence);
        EXPECT_EQ(event->id, 0U);
        EXPECT_EQ(as_text(event->payload), "payload");
        EXPECT_GE(event->time_ns, before);
        EXPECT_LE(event->time_ns, now_ns(CLOCK_MONOTONIC));
    }
}

TEST_F(Decode, IdIsMadeOfFields)
{
    format("u16 type; u16 code; s32 value");
    decoding_.id = {field("type"), field("code")};
    EXPECT_EQ(decode(packed(std::uint16_t{1}, std::uint16_t{116}, std::int32_t{-1}))->id, 0x10074U);
}

TEST_F(Decode, IdCanBeMadeOfBitFields)
{
    format("u16be x { line:4; _:4; kind:8 }");
    decoding_.id = {field("kind"), field("line")};
    EXPECT_EQ(decode("\xab\xcd")->id, 0xabdU);
}

TEST_F(Decode, TimeIsTheSumOfItsFields)
{
    format("u64 s; u32 us");
    decoding_.time = {{field("s"), 1'000'000'000}, {field("us"), 1000}};
    EXPECT_EQ(decode(packed(std::uint64_t{5}, std::uint32_t{7}))->time_ns, 5'000'007'000U);
}

TEST_F(Decode, TimeOfAnotherClockIsConvertedToMonotonic)
{
    format("u64 ns");
    decoding_.time = {{field("ns"), 1}};
    decoding_.clock = CLOCK_REALTIME;
    const std::uint64_t before = now_ns(CLOCK_MONOTONIC);
    const std::uint64_t time = decode(packed(now_ns(CLOCK_REALTIME)))->time_ns;
    // Two clocks cannot be read at the same time.
    constexpr std::uint64_t kApart = 1'000'000'000;
    EXPECT_GE(time + kApart, before);
    EXPECT_LE(time, now_ns(CLOCK_MONOTONIC) + kApart);
}

TEST_F(Decode, IgnoredEventHasNoSequence)
{
    format("u8 id");
    decoding_.id = {field("id")};
    decoding_.ignored = {3};
    EXPECT_EQ(decode("\x01")->sequence, 1U);
    EXPECT_FALSE(decode("\x03"));
    EXPECT_EQ(decode("\x02")->sequence, 2U);
}

TEST_F(Decode, GapInTheDeviceNumbersIsAGapInTheSequence)
{
    format("u8 count");
    decoding_.device_number = field("count");
    EXPECT_EQ(decode("\xfe")->sequence, 1U) << "the first number is no gap";
    EXPECT_EQ(decode("\xff")->sequence, 2U);
    EXPECT_EQ(decode(std::string(1, '\0'))->sequence, 3U) << "the number wraps";
    EXPECT_EQ(decode("\x04")->sequence, 7U) << "three events are missing";
    EXPECT_EQ(decode("\x04")->sequence, 8U) << "the number went back: the device was restarted";
    EXPECT_EQ(decode("\x05")->sequence, 9U);
}

TEST_F(Decode, PrefixPrecedesThePayload)
{
    format("u16 line; u8 value");
    EXPECT_EQ(as_text(decode("\x07", packed(std::uint16_t{513}))->payload), packed(std::uint16_t{513}) + "\x07");
}

TEST_F(Decode, MismatchIsPassedOnUnchanged)
{
    format("u16 line; u32 id");
    decoding_.id = {field("id")};
    const auto event = decode("short", packed(std::uint16_t{1}));
    EXPECT_EQ(event->flags, record::kFormatMismatch);
    EXPECT_EQ(event->id, record::kMismatchId);
    EXPECT_EQ(as_text(event->payload), "short");
}

TEST_F(Decode, IdOfMismatchesMakesAMismatch)
{
    format("u32 id");
    decoding_.id = {field("id")};
    const auto event = decode("\xff\xff\xff\xff");
    EXPECT_EQ(event->flags, record::kFormatMismatch);
    EXPECT_EQ(decode("\xfe\xff\xff\xff")->flags, 0U);
    EXPECT_THAT(decoder_.explain_mismatch(as_bytes(std::string(4, '\xff'))), HasSubstr("its id is 4294967295"));
}

TEST_F(Decode, TextIsSplitIntoFields)
{
    decoding_.format = Format::parse("u8 line; u8 level; char text[]", format::Source::pattern);
    decoding_.pattern.emplace("{level}:{text}", decoding_.format);
    decoding_.id = {field("level")};
    const auto event = decode("4:hot", "\x09");
    EXPECT_EQ(event->id, 4U);
    EXPECT_EQ(as_text(Format::bytes_of(field("line"), event->payload)), "\x09");
    EXPECT_EQ(as_text(Format::bytes_of(field("level"), event->payload)), "\x04");
    EXPECT_EQ(as_text(Format::bytes_of(field("text"), event->payload)), "hot");
    EXPECT_EQ(decode("no level")->flags, record::kFormatMismatch);
    EXPECT_THAT(decoder_.explain_mismatch(as_bytes("no level")), HasSubstr("{level} needs a whole number"));
}

}  // namespace
}  // namespace drvbus::test

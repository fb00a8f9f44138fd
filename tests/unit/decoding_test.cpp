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

// The clocks of the tests below, in ns. Decoder takes a plain function, so they are global.
std::uint64_t fake_monotonic = 0;
std::uint64_t fake_other = 0;

std::uint64_t fake_clock(clockid_t clock) noexcept
{
    return clock == CLOCK_MONOTONIC ? fake_monotonic : fake_other;
}

constexpr std::uint64_t kOneSecond = 1'000'000'000;

class Decode : public testing::Test {
protected:
    void format(const std::string& text) { decoding_.format = Format::parse(text); }
    [[nodiscard]] Field field(const std::string& name) const { return test::field(decoding_.format, name); }

    std::optional<record::Event> decode(const std::string& payload, const std::string& prefix = {})
    {
        const auto bytes = std::as_bytes(std::span(prefix));
        decoder_ = Decoder(decoding_, {bytes.begin(), bytes.end()}, clock_);
        payload_ = payload;  // an event may be a view of it
        return decoder_.decode(std::as_bytes(std::span(payload_)), counter_);
    }

    DecodingRules decoding_;
    Decoder decoder_;
    Clock clock_ = clock_ns;
    std::string payload_;
    record::SequenceCounter counter_;
};

TEST_F(Decode, DefaultRulesNumberAndTimestampEvents)
{
    const std::uint64_t before = clock_ns(CLOCK_MONOTONIC);
    for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {
        const auto event = decode("payload");
        ASSERT_TRUE(event);
        EXPECT_EQ(event->sequence, sequence);
        EXPECT_EQ(event->id, 0U);
        EXPECT_EQ(as_text(event->payload), "payload");
        EXPECT_GE(event->time_ns, before);
        EXPECT_LE(event->time_ns, clock_ns(CLOCK_MONOTONIC));
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
    clock_ = fake_clock;
    fake_monotonic = 9'000'000'000;
    EXPECT_EQ(decode(packed(std::uint64_t{5}, std::uint32_t{7}))->time_ns, 5'000'007'000U);
}

TEST_F(Decode, TimeOfAnotherClockIsConvertedToMonotonic)
{
    format("u64 ns");
    decoding_.time = {{field("ns"), 1}};
    decoding_.clock = CLOCK_REALTIME;
    const std::uint64_t before = clock_ns(CLOCK_MONOTONIC);
    const std::uint64_t time = decode(packed(clock_ns(CLOCK_REALTIME)))->time_ns;
    // Two clocks cannot be read at the same time.
    constexpr std::uint64_t kApart = 1'000'000'000;
    EXPECT_GE(time + kApart, before);
    EXPECT_LE(time, clock_ns(CLOCK_MONOTONIC) + kApart);
}

/// Events whose time is a number of ns of another clock, at times that the test chooses.
class DecodeTime : public Decode {
protected:
    DecodeTime()
    {
        format("s64 ns");
        decoding_.time = {{field("ns"), 1}};
        decoding_.clock = CLOCK_REALTIME;
        clock_ = fake_clock;
        set_clocks(500 * kOneSecond, 10'000 * kOneSecond);
    }

    static void set_clocks(std::uint64_t monotonic_ns, std::uint64_t other_ns)
    {
        fake_monotonic = monotonic_ns;
        fake_other = other_ns;
    }
    record::Event event_at(std::uint64_t ns) { return *decode(packed(ns)); }
};

TEST_F(DecodeTime, TimeBeforeBootIsUnknown)
{
    const record::Event before_boot = event_at(9'499 * kOneSecond);
    EXPECT_EQ(before_boot.time_ns, 0U);
    EXPECT_EQ(before_boot.flags, record::kTimeUnknown);
    const record::Event at_boot = event_at(9'500 * kOneSecond);
    EXPECT_EQ(at_boot.time_ns, 0U);
    EXPECT_EQ(at_boot.flags, 0U);
    EXPECT_EQ(event_at(9'501 * kOneSecond).time_ns, kOneSecond);
}

TEST_F(DecodeTime, NumberThatIsNoTimeIsUnknown)
{
    for (const std::uint64_t ns : {std::uint64_t{1} << 63U, UINT64_MAX}) {
        EXPECT_EQ(event_at(ns).time_ns, 0U) << ns;
        EXPECT_EQ(event_at(ns).flags, record::kTimeUnknown) << ns;
    }
    format("s64 s; u64 ns");
    decoding_.time = {{field("s"), kOneSecond}, {field("ns"), 1}};
    for (const std::int64_t s : {INT64_MAX, INT64_MIN, INT64_MAX / 1'000'000'000})
        EXPECT_EQ(decode(packed(s, std::uint64_t{999'999'999'999}))->flags, record::kTimeUnknown) << s;
}

TEST_F(DecodeTime, EventOfUnknownTimeHasNoEffectOnTheOrder)
{
    EXPECT_EQ(event_at(9'990 * kOneSecond).time_ns, 490 * kOneSecond);
    EXPECT_EQ(event_at(1).time_ns, 0U);
    EXPECT_EQ(event_at(9'980 * kOneSecond).time_ns, 490 * kOneSecond);
}

TEST_F(DecodeTime, EventIsNeitherInTheFutureNorBeforeTheLastOne)
{
    EXPECT_EQ(event_at(9'990 * kOneSecond).time_ns, 490 * kOneSecond);
    EXPECT_EQ(event_at(9'989 * kOneSecond).time_ns, 490 * kOneSecond);
    EXPECT_EQ(event_at(20'000 * kOneSecond).time_ns, 500 * kOneSecond);
    set_clocks(501 * kOneSecond, 10'001 * kOneSecond);
    EXPECT_EQ(event_at(10'001 * kOneSecond).time_ns, 501 * kOneSecond);
}

TEST_F(DecodeTime, ClockSetBackKeepsTheOrder)
{
    EXPECT_EQ(event_at(9'999 * kOneSecond).time_ns, 499 * kOneSecond);
    set_clocks(501 * kOneSecond, 6'401 * kOneSecond);  // date -s, an hour back
    EXPECT_EQ(event_at(10'000 * kOneSecond).time_ns, 501 * kOneSecond) << "it was sent before the clock was set";
    set_clocks(502 * kOneSecond, 6'402 * kOneSecond);
    EXPECT_EQ(event_at(6'402 * kOneSecond).time_ns, 502 * kOneSecond);
}

TEST_F(DecodeTime, ClockSetForwardKeepsTheOrder)
{
    EXPECT_EQ(event_at(9'999 * kOneSecond).time_ns, 499 * kOneSecond);
    set_clocks(501 * kOneSecond, 13'601 * kOneSecond);  // date -s, an hour forward
    const record::Event before = event_at(10'000 * kOneSecond);
    EXPECT_EQ(before.time_ns, 0U) << "it was sent before the clock was set, and seems to be older than the boot";
    EXPECT_EQ(before.flags, record::kTimeUnknown);
    EXPECT_EQ(event_at(13'601 * kOneSecond).time_ns, 501 * kOneSecond);
    EXPECT_EQ(event_at(13'500 * kOneSecond).time_ns, 501 * kOneSecond);
}

TEST_F(DecodeTime, SuspendedSystemKeepsTheOrder)
{
    decoding_.clock = CLOCK_BOOTTIME;
    set_clocks(500 * kOneSecond, 500 * kOneSecond);
    EXPECT_EQ(event_at(499 * kOneSecond).time_ns, 499 * kOneSecond);
    set_clocks(501 * kOneSecond, 601 * kOneSecond);  // suspended for 100 s
    EXPECT_EQ(event_at(500 * kOneSecond).time_ns, 499 * kOneSecond) << "it was sent before the suspend";
    EXPECT_EQ(event_at(601 * kOneSecond).time_ns, 501 * kOneSecond);
}

TEST_F(DecodeTime, SecondsOf32BitsAreUnsigned)
{
    format("s32 s");
    decoding_.time = {{field("s"), kOneSecond}};
    set_clocks(500 * kOneSecond, 4'000'000'000 * kOneSecond);  // in the year 2096
    EXPECT_EQ(decode(packed(std::uint32_t{3'999'999'999}))->time_ns, 499 * kOneSecond);
}

TEST_F(DecodeTime, TimeOfReadingDoesNotRunBackwards)
{
    decoding_.time = {};
    EXPECT_EQ(event_at(0).time_ns, 500 * kOneSecond);
    fake_monotonic = 499 * kOneSecond;  // the clock of another processor
    EXPECT_EQ(event_at(0).time_ns, 500 * kOneSecond);
    EXPECT_EQ(decode("short")->time_ns, 500 * kOneSecond);
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

TEST_F(Decode, LossIsARecordAndTheEventsAfterItAreIncompleteUntilTheResync)
{
    format("u8 id");
    decoding_.id = {field("id")};
    decoding_.losses = {3};
    decoding_.resyncs = {7};
    decoding_.ignored = {3, 7};
    EXPECT_EQ(decode("\x01")->flags, 0U);
    const auto loss = decode("\x03");
    ASSERT_TRUE(loss);
    EXPECT_EQ(loss->flags, record::kLoss);
    EXPECT_EQ(loss->sequence, 2U);
    EXPECT_TRUE(loss->payload.empty());
    EXPECT_EQ(decode("\x02")->flags, record::kIncomplete);
    EXPECT_FALSE(decode("\x07"));
    const auto complete = decode("\x02");
    EXPECT_EQ(complete->flags, 0U);
    EXPECT_EQ(complete->sequence, 4U);
}

TEST_F(Decode, ResyncEventItselfIsIncomplete)
{
    format("u8 id");
    decoding_.id = {field("id")};
    decoding_.losses = {3};
    decoding_.resyncs = {7};
    EXPECT_EQ(decode("\x03")->flags, record::kLoss);
    EXPECT_EQ(decode("\x07")->flags, record::kIncomplete);
    EXPECT_EQ(decode("\x07")->flags, 0U);
}

TEST_F(Decode, LossWithoutAResyncMarksNoEvents)
{
    format("u8 id");
    decoding_.id = {field("id")};
    decoding_.losses = {3};
    EXPECT_EQ(decode("\x03")->flags, record::kLoss);
    EXPECT_EQ(decode("\x01")->flags, 0U);
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

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "record/framer.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/drvbus.h>

#include "framed.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

using record::Frame;
using record::Framer;
using record::Framing;
using record::Marker;
using testing::ElementsAre;

constexpr Framing kLines{.kind = Framing::Kind::lines};
constexpr Framing kFours{.kind = Framing::Kind::fixed, .size = 4};

Framing lines_with(const std::string& end, std::uint32_t max_length = Framing::kMaxLength)
{
    return {.kind = Framing::Kind::lines, .max_length = max_length, .end = Marker::of(end)};
}

const Framing kStxEtx{
    .kind = Framing::Kind::lines, .max_length = 8, .start = Marker::of("\x02"), .end = Marker::of("\x03")};

Frame first_of(const Framing& framing, const std::string& text, bool end_of_input = false)
{
    return Framer(framing).next(as_bytes(text), end_of_input, false);
}

TEST(Framing, LineEndsWithItsNewline)
{
    const std::string text = "one\ntwo";
    const Frame frame = first_of(kLines, text);
    EXPECT_EQ(frame.size, 4U);
    EXPECT_EQ(as_text(frame.payload), "one");
    EXPECT_EQ(first_of(kLines, "two").size, 0U);
}

TEST(Framing, CarriageReturnBeforeTheNewlineBelongsToTheDelimiter)
{
    expect_frames(kLines, "board 21.5\r\n\r\na\rb\n\r\r\n", ElementsAre("board 21.5", "", "a\rb", "\r", "0"));
}

TEST(Framing, DelimiterIsExactlyTheBytesThatAreSet)
{
    expect_frames(lines_with("\n"), "one\r\ntwo\n", ElementsAre("one\r", "two", "0"));
    expect_frames(lines_with("\r"), "@RESET\r$GP\r\n1\r", ElementsAre("@RESET", "$GP", "\n1", "0"));
    expect_frames(lines_with("\r\n"), "a\rb\nc\r\r\nd\r\n", ElementsAre("a\rb\nc\r", "d", "0"));
    expect_frames(lines_with(std::string(1, '\0')), std::string("a\0\0b\0", 5), ElementsAre("a", "", "b", "0"));
    expect_frames(lines_with("-=-"), "a-=b-=-=-c-=-", ElementsAre("a-=b", "=-c", "0"));
}

TEST(Framing, BytesOutsideStartAndEndAreSkippedAndCountedOnce)
{
    expect_frames(kStxEtx, "\x02one\x03\x02\x03", ElementsAre("one", "", "0"));
    expect_frames(kStxEtx, "junk\x02one\x03\r\n\x02two\x03xx", ElementsAre("one", "two", "3"));
    expect_frames(kStxEtx, "\x02one\x02two\x03", ElementsAre("one\x02two", "0"));
    expect_frames(kStxEtx,
                  "junk\x02"
                  "123456789\x03",
                  ElementsAre("12345678+", "2"));
    const Framing framing{.kind = Framing::Kind::lines, .start = Marker::of("<<"), .end = Marker::of(">>")};
    expect_frames(framing, "<x<<<one>>><<two>>", ElementsAre("<one", "two", "2"));
}

TEST(Framing, EmptyLineIsAnEvent)
{
    const Frame frame = first_of(kLines, "\n\n");
    EXPECT_EQ(frame.size, 1U);
    EXPECT_TRUE(frame.payload.empty());
}

TEST(Framing, IncompleteLastLineIsAnEventAtTheEnd)
{
    expect_frames(kLines, "one\nrest", ElementsAre("one", "rest", "0"), true);
    expect_frames(lines_with("\r"), "rest", ElementsAre("rest", "0"), true);
    EXPECT_EQ(first_of(kLines, "", true).size, 0U);
}

TEST(Framing, IncompleteDelimitedRecordIsSkippedAtTheEnd)
{
    expect_frames(kStxEtx, "\x02one\x03\x02two", ElementsAre("one", "1"), true);
}

TEST(Framing, TooLongLineIsCutOnceAndItsRestIsSkipped)
{
    expect_frames(lines_with("\r", 4), "abcd\rabcde\rab\rabcdefghijklmn\r\r",
                  ElementsAre("abcd", "abcd+", "ab", "abcd+", "", "2"));
    expect_frames(lines_with("--", 4), "abcd--abcde-f---gh--", ElementsAre("abcd", "abcd+", "-gh", "1"));
    expect_frames(lines_with("", 4), "abcd\r\nabcde\nabcd\n", ElementsAre("abcd", "abcd+", "abcd", "1"));
    expect_frames(lines_with("", 4), "abcdefg", ElementsAre("abcd+", "1"), true);
    expect_frames(kStxEtx,
                  "\x02"
                  "12345678\x03\x02"
                  "123456789\x03\x02"
                  "1\x03",
                  ElementsAre("12345678", "12345678+", "1", "1"));
}

TEST(Framing, BytesAreSearchedOnce)
{
    for (const Framing& framing : {kLines, lines_with("\r")}) {
        Framer framer(framing);
        EXPECT_EQ(framer.next(as_bytes("abc"), false, false).size, 0U);
        // A reader never changes bytes. Here, the change shows which bytes are searched.
        EXPECT_EQ(framer.next(as_bytes("\r\ncd"), false, false).size, 0U);
        EXPECT_EQ(framer.next(as_bytes("\r\ncd\r\n"), false, false).payload.size(), 4U);
    }
}

TEST(Framing, LimitOfALineIsHalfOfTheLargestPayload)
{
    const std::string text = std::string(70'000, 'x') + "\nnext\n";
    EXPECT_THAT(all_of(kLines, text, 65'536), ElementsAre(std::string(DRVBUS_PAYLOAD_MAX / 2, 'x') + "+", "next", "1"));
    const std::string longest(DRVBUS_PAYLOAD_MAX / 2, 'x');
    EXPECT_THAT(all_of(kLines, longest + "\r\n", 65'536), ElementsAre(longest, "0"));
}

TEST(Framing, FixedRecordIsAnEventOnlyWhenComplete)
{
    EXPECT_EQ(first_of(kFours, "abc").size, 0U);
    EXPECT_EQ(first_of(kFours, "abcd").size, 4U);
    EXPECT_EQ(first_of(kFours, "abcdefgh").payload.size(), 4U);
    EXPECT_EQ(first_of(kFours, "abc", true).size, 0U);
}

TEST(Framing, RawReadIsOneEvent)
{
    for (const auto kind : {Framing::Kind::raw, Framing::Kind::snapshot})
        EXPECT_EQ(first_of({.kind = kind}, "a\nb\n").payload.size(), 4U);
}

TEST(Framing, RecordHasItsSequence)
{
    const Frame frame = first_of({}, record({.sequence = 9}, "nine") + "more");
    EXPECT_EQ(frame.sequence, 9U);
    EXPECT_EQ(frame.size, record({.sequence = 9}, "nine").size());
    EXPECT_THROW((void)first_of({}, std::string(64, '\0')), std::runtime_error);
}

}  // namespace
}  // namespace drvbus::test

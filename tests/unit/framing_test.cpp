// SPDX-License-Identifier: LGPL-2.1-or-later
#include "record/framing.hpp"

#include <string>

#include <gtest/gtest.h>
#include <linux/drvbus.h>

#include "support/record.hpp"

namespace drvbus::test {
namespace {

using record::first_frame;
using record::Frame;
using record::Framing;

constexpr Framing kLines{.kind = Framing::Kind::lines};
constexpr Framing kFours{.kind = Framing::Kind::fixed, .size = 4};

Frame first_of(const Framing& framing, const std::string& text, bool end_of_input = false)
{
    return first_frame(framing, std::as_bytes(std::span(text)), end_of_input);
}

TEST(Framing, LineEndsWithItsNewline)
{
    const std::string text = "one\ntwo";
    const Frame frame = first_of(kLines, text);
    EXPECT_EQ(frame.size, 4U);
    EXPECT_EQ(frame.payload.size(), 3U);
    EXPECT_EQ(first_of(kLines, "two").size, 0U);
}

TEST(Framing, EmptyLineIsAnEvent)
{
    const Frame frame = first_of(kLines, "\n\n");
    EXPECT_EQ(frame.size, 1U);
    EXPECT_TRUE(frame.payload.empty());
}

TEST(Framing, IncompleteLastLineIsAnEventAtTheEnd)
{
    const Frame frame = first_of(kLines, "rest", true);
    EXPECT_EQ(frame.size, 4U);
    EXPECT_EQ(frame.payload.size(), 4U);
    EXPECT_EQ(first_of(kLines, "", true).size, 0U);
}

TEST(Framing, TooLongLineIsCut)
{
    const Frame frame = first_of(kLines, std::string(DRVBUS_PAYLOAD_MAX, 'x'));
    EXPECT_EQ(frame.size, DRVBUS_PAYLOAD_MAX / 2);
    EXPECT_EQ(frame.payload.size(), frame.size);
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

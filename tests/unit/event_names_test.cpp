// SPDX-License-Identifier: LGPL-2.1-or-later
#include "record/event_names.hpp"

#include <gtest/gtest.h>

namespace drvbus::test {
namespace {

using Names = std::map<std::uint32_t, std::string>;

TEST(EventNames, EachLineHasOneName)
{
    EXPECT_EQ(record::parse_event_names("1 reading\n2 overheat\n4294967295 last"),
              (Names{{1, "reading"}, {2, "overheat"}, {4294967295, "last"}}));
    EXPECT_EQ(record::parse_event_names("0 none\n"), (Names{{0, "none"}}));
    EXPECT_EQ(record::parse_event_names("  7\tspaced  \n"), (Names{{7, "spaced"}}));
}

TEST(EventNames, EmptyTextHasNone)
{
    EXPECT_EQ(record::parse_event_names(""), Names{});
    EXPECT_EQ(record::parse_event_names("\n\n"), Names{});
}

TEST(EventNames, MalformedLinesAreSkipped)
{
    EXPECT_EQ(record::parse_event_names("one first\n2\n3 third\n4294967296 beyond\n\n5 fifth"),
              (Names{{3, "third"}, {5, "fifth"}}));
}

TEST(EventNames, WhatSdBusRefusesIsReplaced)
{
    EXPECT_EQ(record::parse_event_names("1 bad\xef\xbf\xbename\n2 \xff\n"),  // U+FFFE; no UTF-8
              (Names{{1, "bad\xef\xbf\xbdname"}, {2, "\xef\xbf\xbd"}}));
}

TEST(EventNames, FirstNameOfAnIdIsUsed)
{
    EXPECT_EQ(record::parse_event_names("1 first\n1 second"), (Names{{1, "first"}}));
}

}  // namespace
}  // namespace drvbus::test

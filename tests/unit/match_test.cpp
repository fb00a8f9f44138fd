// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device/match.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace drvbus::test {
namespace {

using device::advice;
using device::corrected;
using device::find;
using device::literal_pattern;
using device::Match;
using device::value_matches;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

Match match_of(const std::string& subsystem, const std::string& sysname = {})
{
    Match match;
    match.subsystem = subsystem;
    match.sysname = sysname;
    return match;
}

// Every machine has these devices.
TEST(Match, SubsystemAndNameAreMatched)
{
    EXPECT_THAT(find(match_of("mem", "null")), ElementsAre("/dev/null"));
    EXPECT_THAT(find(match_of("mem")), Contains("/dev/zero"));
    EXPECT_THAT(find(match_of("mem", "glob:[nz]*")), testing::AllOf(Contains("/dev/null"), Contains("/dev/zero")));
    EXPECT_THAT(find(match_of("mem", "nul")), IsEmpty());
    EXPECT_THAT(find(match_of("no-such-subsystem")), IsEmpty());
    EXPECT_THAT(find(match_of("tty")), Not(Contains("/dev/null")));
}

TEST(Match, AllAttributesMustMatch)
{
    Match match = match_of("mem");
    match.attributes = {{"dev", "1:3"}};
    EXPECT_THAT(find(match), ElementsAre("/dev/null"));
    match.attributes["uevent"] = "glob:*DEVNAME=null*";
    EXPECT_THAT(find(match), ElementsAre("/dev/null"));
    match.attributes["uevent"] = "glob:*DEVNAME=zero*";
    EXPECT_THAT(find(match), IsEmpty());
    match.attributes = {{"no_such_attribute", "glob:*"}};
    EXPECT_THAT(find(match), IsEmpty()) << "a missing attribute matched";
}

TEST(Match, AllPropertiesMustMatch)
{
    Match match = match_of("mem");
    match.properties = {{"DEVNAME", "glob:/dev/nul*"}, {"MAJOR", "1"}};
    EXPECT_THAT(find(match), ElementsAre("/dev/null"));
    match.properties["MINOR"] = "5";
    EXPECT_THAT(find(match), IsEmpty());
}

TEST(Match, ValueWithoutPrefixIsTheExactText)
{
    EXPECT_THAT(find(match_of("mem", "[nz]*")), IsEmpty());
    EXPECT_THAT(find(match_of("me?", "null")), IsEmpty());
    EXPECT_THAT(find(match_of("glob:me?", "null")), ElementsAre("/dev/null"));
    const std::string name = "Front [Panel]* \u00a9 2011 ";
    EXPECT_TRUE(value_matches(name, name));
    EXPECT_FALSE(value_matches(name, "Front P \u00a9 2011 "));
    EXPECT_FALSE(value_matches("glob:" + name, name));
    EXPECT_TRUE(value_matches("glob:" + literal_pattern(name), name));
    EXPECT_TRUE(value_matches("glob:Front*", name));
}

TEST(Match, AdviceSaysHowAPatternIsWritten)
{
    EXPECT_EQ(advice(match_of("mem", "nul[kl]")), "to use /dev/null, for sysname write \"glob:nul[kl]\", because "
                                                  "\"nul[kl]\" is the exact text and no pattern");
    Match match = match_of("me[m]");
    match.properties = {{"DEVNAME", "/dev/nul?"}};
    EXPECT_EQ(advice(match), "to use /dev/null, for subsystem write \"glob:me[m]\", because \"me[m]\" is the exact "
                             "text and no pattern, and for property DEVNAME write \"glob:/dev/nul?\", because "
                             "\"/dev/nul?\" is the exact text and no pattern");
    EXPECT_EQ(advice(match_of("mem", "no such [device]")), "");
    match.attributes = {{"no_such_attribute", "*"}};
    EXPECT_EQ(advice(match), "") << "a correction does not help";
}

TEST(Match, CorrectionOfAPatternIsTheExactText)
{
    const std::string name = "Front [Panel]*";
    EXPECT_EQ(corrected("glob:" + name, name), name);
    EXPECT_EQ(corrected("Front [P]*", "Front Panel"), "glob:Front [P]*");
    EXPECT_EQ(corrected(name, name), "");
    EXPECT_EQ(corrected("glob:Front*", name), "");
    EXPECT_EQ(corrected("Back*", name), "");
}

TEST(Match, LiteralPatternMatchesItsTextOnly)
{
    const std::string text = "a*b?[c]\\";
    EXPECT_TRUE(value_matches("glob:" + literal_pattern(text), text));
    EXPECT_FALSE(value_matches("glob:" + literal_pattern(text), "axbyc\\"));
}

TEST(Match, TextNamesAllConditions)
{
    Match match = match_of("input", "glob:event*");
    match.attributes = {{"device/name", "Power Button"}};
    match.properties = {{"ID_INPUT_KEY", "1"}};
    EXPECT_EQ(to_string(match), "subsystem \"input\", sysname \"glob:event*\", attribute device/name \"Power Button\", "
                                "property ID_INPUT_KEY \"1\"");
}

}  // namespace
}  // namespace drvbus::test

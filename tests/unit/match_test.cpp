// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device/match.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace drvbus::test {
namespace {

using device::find;
using device::Match;
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
    EXPECT_THAT(find(match_of("mem", "[nz]*")), testing::AllOf(Contains("/dev/null"), Contains("/dev/zero")));
    EXPECT_THAT(find(match_of("mem", "nul")), IsEmpty());
    EXPECT_THAT(find(match_of("no-such-subsystem")), IsEmpty());
    EXPECT_THAT(find(match_of("tty")), Not(Contains("/dev/null")));
}

TEST(Match, AllAttributesMustMatch)
{
    Match match = match_of("mem");
    match.attributes = {{"dev", "1:3"}};
    EXPECT_THAT(find(match), ElementsAre("/dev/null"));
    match.attributes["uevent"] = "*DEVNAME=null*";
    EXPECT_THAT(find(match), ElementsAre("/dev/null"));
    match.attributes["uevent"] = "*DEVNAME=zero*";
    EXPECT_THAT(find(match), IsEmpty());
    match.attributes = {{"no_such_attribute", "*"}};
    EXPECT_THAT(find(match), IsEmpty()) << "a missing attribute matched";
}

TEST(Match, AllPropertiesMustMatch)
{
    Match match = match_of("mem");
    match.properties = {{"DEVNAME", "/dev/nul*"}, {"MAJOR", "1"}};
    EXPECT_THAT(find(match), ElementsAre("/dev/null"));
    match.properties["MINOR"] = "5";
    EXPECT_THAT(find(match), IsEmpty());
}

TEST(Match, TextNamesAllConditions)
{
    Match match = match_of("input", "event*");
    match.attributes = {{"device/name", "Power Button"}};
    match.properties = {{"ID_INPUT_KEY", "1"}};
    EXPECT_EQ(to_string(match), "subsystem \"input\", sysname \"event*\", attribute device/name \"Power Button\", "
                                "property ID_INPUT_KEY \"1\"");
}

}  // namespace
}  // namespace drvbus::test

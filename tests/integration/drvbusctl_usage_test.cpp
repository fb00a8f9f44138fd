// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The command line of drvbusctl.
#include "drvbusctl_test.hpp"

#include <cstdlib>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sysexits.h>

namespace drvbus::test {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;

class DrvbusctlUsage : public DrvbusctlTest {};

TEST_F(DrvbusctlUsage, InvalidCommandLineIsAUsageError)
{
    for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
             {},
             {"check"},
             {"--config", config_file()},
             {"check-config", "unit-dropin"},
             {"check-config", "--seconds", "0"},
             {"unit-dropin", "--seconds", "4"},
             {"check-config", "--config"},
             {"unit-dropin", "file"},
             {"probe"},
             {"probe", "/dev/null", "/dev/zero"},
             {"probe", "/dev/null", "--seconds", "0"},
             {"probe", "/dev/null", "--seconds", "3601"},
             {"probe", "/dev/null", "--config", config_file()},
         }) {
        const Result result = run(line(wrong));
        EXPECT_EQ(result.status, EX_USAGE) << testing::PrintToString(wrong) << result.output;
        EXPECT_THAT(result.output, HasSubstr("--help")) << testing::PrintToString(wrong);
    }
}

TEST_F(DrvbusctlUsage, HelpListsCommandsAndOptions)
{
    const Result help = run(line({"--help"}));
    EXPECT_EQ(help.status, EXIT_SUCCESS);
    EXPECT_THAT(help.output, AllOf(HasSubstr("check-config"), HasSubstr("probe"), HasSubstr("unit-dropin")));
    const Result probe = run(line({"probe", "--help"}));
    EXPECT_EQ(probe.status, EXIT_SUCCESS);
    EXPECT_THAT(probe.output, AllOf(HasSubstr("DEVICE"), HasSubstr("--seconds N"),
                                    HasSubstr("Read for this many seconds, 1 to 3600")));
    for (const char* const command : {"check-config", "unit-dropin"}) {
        const Result result = run(line({command, "--help"}));
        EXPECT_EQ(result.status, EXIT_SUCCESS);
        EXPECT_THAT(result.output, AllOf(HasSubstr("--config FILE"), HasSubstr("--presets DIRECTORY")));
    }
}

TEST_F(DrvbusctlUsage, VersionIsPrinted)
{
    const Result version = run(line({"--version"}));
    EXPECT_EQ(version.status, EXIT_SUCCESS);
    EXPECT_THAT(version.output, ContainsRegex("^[0-9]+\\.[0-9]+\\.[0-9]+\n$"));
}

}  // namespace
}  // namespace drvbus::test

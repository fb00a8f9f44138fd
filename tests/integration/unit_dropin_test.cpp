// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The command unit-dropin of drvbusctl.
#include "drvbusctl_test.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon_test.hpp"
#include "support/io.hpp"

namespace drvbus::test {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

class UnitDropin : public DrvbusctlTest {
protected:
    [[nodiscard]] Result print(const std::string& configuration) const
    {
        return run_with("unit-dropin", configuration);
    }

    /// Expects that systemd reports no error in the drop-in.
    void expect_valid(const std::string& text) const
    {
        ASSERT_EQ(mkdir(path("units").c_str(), 0700), 0);
        ASSERT_EQ(mkdir(path("units/drvbusd.service.d").c_str(), 0700), 0);
        std::ofstream(path("units/drvbusd.service")) << "[Service]\nExecStart=/bin/true\n";
        std::ofstream(path("units/drvbusd.service.d/devices.conf")) << text;
        const Result verified =
            shell("LC_ALL=C SYSTEMD_UNIT_PATH=" + path("units") + ": systemd-analyze verify --man=no " +
                  path("units/drvbusd.service") + " 2>&1 | grep -F -e devices.conf -e 'not found'");
        EXPECT_EQ(verified.output, "") << text;
    }
};

std::size_t count_of(const std::string& text, const std::string& part)
{
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at)
        ++count;
    return count;
}

TEST_F(UnitDropin, DevicesAreAllowedAndNoLineIsRepeated)
{
    const Result result = print(
        channel("read", "/dev/zero", "records = \"raw\"\n") + channel("written", "/dev/null", "preset = \"uio\"\n") +
        "[[channel]]\nname = \"log\"\npreset = \"kmsg\"\n[[channel]]\nname = \"log2\"\npreset = \"kmsg\"\n"
        "[[channel]]\nname = \"pad\"\nrecords = \"raw\"\nmatch = { subsystem = \"rtc\", sysname = \"none\" }\n"
        "[[channel]]\nname = \"stall\"\npreset = \"psi\"\n");
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_THAT(result.output,
                AllOf(HasSubstr("drvbusctl unit-dropin > /etc/systemd/system/drvbusd.service.d/devices.conf"),
                      HasSubstr("\n[Service]\n"), HasSubstr("\n# read: /dev/zero\nDeviceAllow=/dev/zero r\n"),
                      HasSubstr("\nDeviceAllow=/dev/null rw\n"), HasSubstr("\nDeviceAllow=char-rtc r\n"),
                      HasSubstr("\nDeviceAllow=/dev/kmsg r\n"), HasSubstr("\nAmbientCapabilities=CAP_SYSLOG\n")));
    EXPECT_EQ(count_of(result.output, "ProtectKernelLogs=no\n"), 1U);
    EXPECT_EQ(count_of(result.output, "PrivateUsers=no\n"), 1U);
    EXPECT_EQ(count_of(result.output, "ProcSubset=all\n"), 1U);
    expect_valid(result.output);
}

TEST_F(UnitDropin, ServiceJoinsGroupsThatMayRead)
{
    const Fifo fifo(path("fifo"));
    ASSERT_EQ(chmod(fifo.path().c_str(), 0640), 0);
    if (geteuid() == 0) {
        ASSERT_EQ(chown(fifo.path().c_str(), 0, 20), 0);
    }
    struct stat status {};
    ASSERT_EQ(stat(fifo.path().c_str(), &status), 0);
    const group* const entry = getgrgid(status.st_gid);
    const std::string owner = entry == nullptr ? std::to_string(status.st_gid) : std::string(entry->gr_name);
    const Result result = print(channel("test", fifo.path(), "preset = \"fifo\"\n") +
                                channel("other", fifo.path(), "preset = \"fifo\"\n"));
    EXPECT_THAT(result.output, AllOf(EndsWith("\nSupplementaryGroups=" + owner + "\n"), Not(HasSubstr("DeviceAllow"))));
    expect_valid(result.output);
}

TEST_F(UnitDropin, DeviceOfRootNeedsAUdevRule)
{
    const std::string node = path("node");
    must(mknod(node.c_str(), S_IFCHR | 0600, makedev(1, 5)), "mknod");
    const Result result = print(channel("test", node, "records = \"raw\"\n"));
    EXPECT_THAT(result.output,
                AllOf(HasSubstr(node + " is root:root, mode 0600: the service cannot open it without a udev rule"),
                      HasSubstr("\n# SUBSYSTEM==\"mem\", KERNEL==\"zero\", GROUP=\"drvbus\", MODE=\"0640\"\n"),
                      Not(HasSubstr("SupplementaryGroups"))));
}

TEST_F(UnitDropin, FilesThatStepsWriteAreWritable)
{
    const Result result = print(channel("test", "/dev/zero",
                                        "records = \"raw\"\nsetup = [{ write = \"1\", to = \"{sysfs}/power/control\" "
                                        "}, { write = \"1\", to = \"/sys/kernel/a%b\" }]\n"));
    EXPECT_THAT(result.output, AllOf(HasSubstr("\nProtectKernelTunables=no\n"),
                                     HasSubstr("\nReadWritePaths=-/sys/devices/virtual/mem/zero/power/control\n"),
                                     HasSubstr("\nReadWritePaths=-/sys/kernel/a%%b\n")));
    expect_valid(result.output);
}

TEST_F(UnitDropin, PathsThatTheServiceCannotSeeAreNamed)
{
    const Result result = print(channel("home", "/home/user/fifo", "preset = \"fifo\"\n") +
                                channel("tmp", "/tmp/fifo", "preset = \"fifo\"\n"));
    EXPECT_THAT(result.output, AllOf(HasSubstr("# ProtectHome=yes hides /home/user/fifo"),
                                     HasSubstr("# PrivateTmp=yes hides /tmp/fifo"), Not(HasSubstr("DeviceAllow"))));
}

TEST_F(UnitDropin, ValueCannotAddALine)
{
    const Result result = print(channel("test", "/dev/a\\nExecStartPre=/bin/evil",
                                        "records = \"raw\"\nunit = [\"A=b\\nExecStartPre=/bin/evil\", "
                                        "\"[Install]\", \"A=b\\\\\", \"Nice=5\"]\n") +
                                channel("percent", "/dev/100%i", "records = \"raw\"\n") +
                                channel("two", "/dev/a b rw", "records = \"raw\"\n") +
                                "[[channel]]\nname = \"fit\"\nrecords = \"raw\"\n"
                                "match = { subsystem = \"input\\nExecStartPre=/bin/evil\" }\n");
    EXPECT_EQ(result.status, 0);
    EXPECT_THAT(result.output, AllOf(HasSubstr("\nDeviceAllow=/dev/100%%i r\n"), HasSubstr("\nNice=5\n"),
                                     Not(ContainsRegex("\nExecStart")), Not(ContainsRegex("\n.Install")),
                                     Not(HasSubstr("\nA=b")), Not(HasSubstr("\nDeviceAllow=/dev/a"))));
    expect_valid(result.output);
}

TEST_F(UnitDropin, ConfigurationWithoutDevicesNeedsNothing)
{
    const Result result = print("[[channel]]\nname = \"beat\"\n");
    EXPECT_EQ(result.status, 0);
    EXPECT_THAT(result.output, EndsWith("[Service]\n# Nothing: no device is configured, and the service already "
                                        "has access to devices of class drvbus.\n"));
    expect_valid(result.output);
    EXPECT_EQ(print("log_level = 3\n").status, EX_CONFIG);
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The commands check-config and unit-dropin of drvbusctl.
#include "drvbusctl_test.hpp"

#include <cstdlib>
#include <fstream>

#include <fcntl.h>
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

class CheckConfig : public ToolsTest {};

TEST_F(CheckConfig, WithoutChannelsNothingIsNeeded)
{
    const Result result = check("log_level = \"debug\"\n");
    EXPECT_EQ(result.status, 0);
    EXPECT_THAT(result.output, AllOf(HasSubstr(config_file() + ", log level debug, channels: 0"),
                                     HasSubstr("(class drvbus) need no configuration")));
}

TEST_F(CheckConfig, ChannelsOfDriversAreSettings)
{
    const Result result = check("[[channel]]\nname = \"beat\"\nnotification = \"eventfd\"\nnames = { 3 = \"late\" }\n");
    EXPECT_EQ(result.status, 0);
    EXPECT_THAT(result.output, AllOf(HasSubstr("there is no /sys/class/drvbus/beat now"), HasSubstr("3 \"late\""),
                                     HasSubstr("eventfd, as the configuration has it")));
}

TEST_F(CheckConfig, AFifoIsExplainedAndNoStepIsDone)
{
    const Fifo fifo(path("fifo"));
    const UniqueFd reader(must(open(fifo.path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC), "open"));
    const UniqueFd other(must(open(path("other").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), "open"));
    const std::string to = ", to = \"" + path("other") + "\"";
    const Result result = check(
        channel("way", fifo.path(),
                "preset = \"fifo\"\nsetup = [{ write = \"on\"" + to + ", undo = { write = \"off\"" + to +
                    " } }, { write = \"hello\" }]\nrearm = [{ ioctl = 4660 }]\nunit = [\"IPAddressDeny=any\"]\n"));
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_THAT(result.output,
                AllOf(HasSubstr("preset        \"fifo\""), HasSubstr(fifo.path() + ": FIFO"),
                      HasSubstr("\"lines\": each line is one event"), HasSubstr("format        char text[]"),
                      HasSubstr("writing \"on\" to " + path("other") + "; undone by writing \"off\" to"),
                      HasSubstr("ioctl 0x1234, 0"), HasSubstr("written for: writing \"hello\" to the device"),
                      HasSubstr("poll: there is no step for an eventfd"), HasSubstr("IPAddressDeny=any"),
                      HasSubstr("1 could work now, 0 not there, 0 could not work")));
    struct stat status {};
    ASSERT_EQ(fstat(other.get(), &status), 0);
    EXPECT_EQ(status.st_size, 0) << "no step was done";
    char byte = 0;
    EXPECT_EQ(read(reader.get(), &byte, 1), 0) << "nor was anything written to the device";
}

TEST_F(CheckConfig, ATerminalIsPolledOrSendsSigio)
{
    const Terminal terminal;
    const auto check_by = [&](const std::string& notification) {
        return check(channel("way", terminal.path(), "preset = \"serial\"\n" + notification));
    };
    const Result any = check_by("");
    EXPECT_EQ(any.status, 0) << any.output;
    EXPECT_THAT(any.output, AllOf(HasSubstr("notification  poll: "), HasSubstr("character device 136:"),
                                  HasSubstr("undone by the same with what ioctl 0x802c542a got before")));
    const Result sigio = check_by("notification = \"sigio\"\n");
    EXPECT_EQ(sigio.status, 0) << sigio.output;
    EXPECT_THAT(sigio.output, HasSubstr("notification  sigio: the configuration has it, and the device takes it"));
    const Result eventfd = check_by("notification = \"eventfd\"\n");
    EXPECT_EQ(eventfd.status, 1) << eventfd.output;
    EXPECT_THAT(eventfd.output, HasSubstr("the device does not support an eventfd"));
}

TEST_F(CheckConfig, WhatIsNotThereIsWaitedFor)
{
    const Result result = check(channel("way", path("nothing"), "preset = \"fifo\"\n") +
                                "[[channel]]\nname = \"pad\"\npreset = \"evdev\"\n"
                                "match = { subsystem = \"input\", attributes = { \"device/name\" = \"No such\" } }\n" +
                                channel("given", "fd:door", "records = \"raw\"\n"));
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_THAT(result.output, AllOf(HasSubstr(path("nothing") + ": not there now, it is waited for"),
                                     HasSubstr("subsystem \"input\", attribute device/name \"No such\""),
                                     HasSubstr("device        not there now, it is waited for"),
                                     HasSubstr("fd:door: an open file that the service manager passes"),
                                     HasSubstr("1 could work now, 2 not there, 0 could not work")));
}

TEST_F(CheckConfig, OfSeveralDevicesThatFitTheFirstIsTaken)
{
    const Result result = check("[[channel]]\nname = \"way\"\nrecords = \"raw\"\n"
                                "match = { subsystem = \"mem\", sysname = \"*random\" }\n");
    EXPECT_THAT(result.output, AllOf(HasSubstr("fits          /dev/random, /dev/urandom; the first is taken"),
                                     HasSubstr("device        /dev/random: character device 1:8")));
}

TEST_F(CheckConfig, ADeviceThatTheUserMayNotOpenIsAFault)
{
    const Fifo fifo(path("fifo"));
    ASSERT_EQ(chmod(path("").c_str(), 0755), 0);
    ASSERT_EQ(chmod(fifo.path().c_str(), 0), 0);
    configure(channel("way", fifo.path(), "preset = \"fifo\"\n"));
    Process::Options as_nobody;
    as_nobody.before_exec = [] {
        if (geteuid() == 0 && (setgroups(0, nullptr) < 0 || setgid(65534) < 0 || setuid(65534) < 0))
            _exit(126);
    };
    Process process(config_line("check-config"), as_nobody);
    const Result result = end_of(process);
    EXPECT_EQ(result.status, 1) << result.output;
    EXPECT_THAT(result.output,
                AllOf(HasSubstr("opening " + fifo.path() + ": Permission denied"), HasSubstr("may not read it: it is "),
                      HasSubstr("mode 0000; give it to a group of this user's"),
                      HasSubstr("0 could work now, 0 not there, 1 could not work")));
}

TEST_F(CheckConfig, AFileOnADiskTellsOfNoNews)
{
    std::ofstream(path("file")) << "text\n";
    const auto check_by = [&](const std::string& more) {
        return check(channel("way", path("file"), "records = \"lines\"\n" + more));
    };
    const Result polled = check_by("notification = \"poll\"\n");
    EXPECT_EQ(polled.status, 1);
    EXPECT_THAT(polled.output, AllOf(HasSubstr("the device cannot be polled; set notification to"),
                                     HasSubstr("a file on a disk tells nobody that it has changed")));
    const Result any = check_by("");
    EXPECT_EQ(any.status, 1);
    EXPECT_THAT(any.output, HasSubstr("notification  none works: the device sends no SIGIO"));
}

TEST_F(CheckConfig, WhatTheSetupHandsBackIsNotTried)
{
    const Result result = check(channel("way", "/dev/null", "preset = \"gpio\"\nline = 4\n"));
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_THAT(result.output, AllOf(HasSubstr("not tried, for it is decided on the file that the setup hands back"),
                                     HasSubstr("its \"name\" goes before each payload")));
}

TEST_F(CheckConfig, AWrongConfigurationIsSaidAsTheDaemonSaysIt)
{
    const Result result = check("[[channel]]\nname = \"way\"\nnotification = \"irq\"\n");
    EXPECT_EQ(result.status, EX_CONFIG);
    EXPECT_THAT(result.output, HasSubstr("drvbusctl: " + config_file() + ":3:16: 'notification' cannot be"));
}

class Usage : public ToolsTest {};

TEST_F(Usage, WrongCommandLineIsRefused)
{
    for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
             {},
             {"check"},
             {"--config", config_file()},
             {"check-config", "unit-dropin"},
             {"check-config", "--seconds", "4"},
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

TEST_F(Usage, HelpNamesCommandsAndTheirOptions)
{
    const Result help = run(line({"--help"}));
    EXPECT_EQ(help.status, EXIT_SUCCESS);
    EXPECT_THAT(help.output, AllOf(HasSubstr("check-config"), HasSubstr("probe"), HasSubstr("unit-dropin")));
    const Result probe = run(line({"probe", "--help"}));
    EXPECT_EQ(probe.status, EXIT_SUCCESS);
    EXPECT_THAT(probe.output, AllOf(HasSubstr("DEVICE"), HasSubstr("--seconds N=5 "),
                                    HasSubstr("Read for this many seconds, 1 to 3600")));
    for (const char* const command : {"check-config", "unit-dropin"}) {
        const Result result = run(line({command, "--help"}));
        EXPECT_EQ(result.status, EXIT_SUCCESS);
        EXPECT_THAT(result.output, AllOf(HasSubstr("--config FILE"), HasSubstr("--presets FOLDER")));
    }
}

TEST_F(Usage, VersionIsPrinted)
{
    const Result version = run(line({"--version"}));
    EXPECT_EQ(version.status, EXIT_SUCCESS);
    EXPECT_THAT(version.output, ContainsRegex("^[0-9]+\\.[0-9]+\\.[0-9]+\n$"));
}

class UnitDropin : public ToolsTest {
protected:
    [[nodiscard]] Result print(const std::string& configuration) const
    {
        return run_with("unit-dropin", configuration);
    }

    /// systemd has nothing to say against it.
    void expect_good_unit(const std::string& text) const
    {
        ASSERT_EQ(mkdir(path("units").c_str(), 0700), 0);
        ASSERT_EQ(mkdir(path("units/drvbusd.service.d").c_str(), 0700), 0);
        std::ofstream(path("units/drvbusd.service")) << "[Service]\nExecStart=/bin/true\n";
        std::ofstream(path("units/drvbusd.service.d/devices.conf")) << text;
        const Result verified = shell("SYSTEMD_UNIT_PATH=" + path("units") + ": systemd-analyze verify --man=no " +
                                      path("units/drvbusd.service") + " 2>&1 | grep -F -e devices.conf -e 'not found'");
        EXPECT_EQ(verified.output, "") << text;
    }
};

std::size_t times(const std::string& text, const std::string& part)
{
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at)
        ++count;
    return count;
}

TEST_F(UnitDropin, DevicesAreReadOrWrittenAndLinesComeOnce)
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
    EXPECT_EQ(times(result.output, "ProtectKernelLogs=no\n"), 1U);
    EXPECT_EQ(times(result.output, "PrivateUsers=no\n"), 1U);
    EXPECT_EQ(times(result.output, "ProcSubset=all\n"), 1U);
    expect_good_unit(result.output);
}

TEST_F(UnitDropin, GroupsThatMayReadAreJoined)
{
    const Fifo fifo(path("fifo"));
    ASSERT_EQ(chmod(fifo.path().c_str(), 0640), 0);
    if (geteuid() == 0) {
        ASSERT_EQ(chown(fifo.path().c_str(), 0, 20), 0);
    }
    struct stat status {};
    ASSERT_EQ(stat(fifo.path().c_str(), &status), 0);
    const group* const owner = getgrgid(status.st_gid);
    ASSERT_NE(owner, nullptr);
    const Result result = print(channel("way", fifo.path(), "preset = \"fifo\"\n") +
                                channel("other", fifo.path(), "preset = \"fifo\"\n"));
    EXPECT_THAT(result.output, AllOf(EndsWith("\nSupplementaryGroups=" + std::string(owner->gr_name) + "\n"),
                                     Not(HasSubstr("DeviceAllow"))));
    expect_good_unit(result.output);
}

TEST_F(UnitDropin, WhatIsRootsGetsARule)
{
    const std::string node = path("node");
    must(mknod(node.c_str(), S_IFCHR | 0600, makedev(1, 5)), "mknod");
    const Result result = print(channel("way", node, "records = \"raw\"\n"));
    EXPECT_THAT(result.output,
                AllOf(HasSubstr(node + " is root:root, mode 0600: the service may not open it"),
                      HasSubstr("\n# SUBSYSTEM==\"mem\", KERNEL==\"zero\", GROUP=\"drvbus\", MODE=\"0640\"\n"),
                      Not(HasSubstr("SupplementaryGroups"))));
}

TEST_F(UnitDropin, WrittenFilesOfSysfsAreLetIn)
{
    const Result result = print(channel("way", "/dev/zero",
                                        "records = \"raw\"\nsetup = [{ write = \"1\", to = \"{sysfs}/power/control\" "
                                        "}, { write = \"1\", to = \"/sys/kernel/a%b\" }]\n"));
    EXPECT_THAT(result.output, AllOf(HasSubstr("\nProtectKernelTunables=no\n"),
                                     HasSubstr("\nReadWritePaths=-/sys/devices/virtual/mem/zero/power/control\n"),
                                     HasSubstr("\nReadWritePaths=-/sys/kernel/a%%b\n")));
    expect_good_unit(result.output);
}

TEST_F(UnitDropin, PlacesThatTheServiceDoesNotSeeAreSaid)
{
    const Result result = print(channel("home", "/home/user/fifo", "preset = \"fifo\"\n") +
                                channel("tmp", "/tmp/fifo", "preset = \"fifo\"\n"));
    EXPECT_THAT(result.output, AllOf(HasSubstr("# ProtectHome=yes hides /home/user/fifo"),
                                     HasSubstr("# PrivateTmp=yes hides /tmp/fifo"), Not(HasSubstr("DeviceAllow"))));
}

TEST_F(UnitDropin, NoValueBecomesALineOfItsOwn)
{
    const Result result = print(channel("way", "/dev/a\\nExecStartPre=/bin/evil",
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
    expect_good_unit(result.output);
}

TEST_F(UnitDropin, WithoutDevicesNothingIsNeeded)
{
    const Result result = print("[[channel]]\nname = \"beat\"\n");
    EXPECT_EQ(result.status, 0);
    EXPECT_THAT(result.output, EndsWith("[Service]\n# Nothing: no channel has a device of its own, and those of drvbus "
                                        "drivers are let in already.\n"));
    expect_good_unit(result.output);
    EXPECT_EQ(print("log_level = 3\n").status, EX_CONFIG);
}

}  // namespace
}  // namespace drvbus::test

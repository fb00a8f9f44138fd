// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The command check-config of drvbusctl.
#include "drvbusctl_test.hpp"

#include <fstream>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

#include "daemon_test.hpp"
#include "support/io.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class CheckConfig : public DrvbusctlTest {};

TEST_F(CheckConfig, ConfigurationWithoutChannelsIsValid)
{
    const Result result = check("log_level = \"debug\"\n");
    EXPECT_EQ(result.status, 0);
    EXPECT_THAT(result.output, AllOf(HasSubstr(config_file() + ", log level debug, channels: 0"),
                                     HasSubstr("Devices of class drvbus need no configuration")));
}

TEST_F(CheckConfig, ChannelWithoutDeviceIsOfClassDrvbus)
{
    const Result result = check("[[channel]]\nname = \"beat\"\nnotification = \"eventfd\"\nnames = { 3 = \"late\" }\n");
    EXPECT_EQ(result.status, 0);
    EXPECT_THAT(result.output, AllOf(HasSubstr("/sys/class/drvbus/beat does not exist"), HasSubstr("3 \"late\""),
                                     HasSubstr("eventfd, set in the configuration")));
}

TEST_F(CheckConfig, FifoIsExplainedWithoutRunningSteps)
{
    const Fifo fifo(path("fifo"));
    const UniqueFd reader(must(open(fifo.path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC), "open"));
    const UniqueFd other(must(open(path("other").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), "open"));
    const std::string to = ", to = \"" + path("other") + "\"";
    const Result result = check(
        channel("test", fifo.path(),
                "preset = \"fifo\"\nsetup = [{ write = \"on\"" + to + ", undo = { write = \"off\"" + to +
                    " } }, { write = \"hello\" }]\nrearm = [{ ioctl = 4660 }]\nunit = [\"IPAddressDeny=any\"]\n"));
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_THAT(result.output,
                AllOf(HasSubstr("preset        \"fifo\""), HasSubstr(fifo.path() + ": FIFO"),
                      HasSubstr("\"lines\": each line is one event"), HasSubstr("format        char text[]"),
                      HasSubstr("writing \"on\" to " + path("other") + "; undone by writing \"off\" to"),
                      HasSubstr("ioctl 0x1234, 0"),
                      HasSubstr("opened for writing because of: writing \"hello\" to the device"),
                      HasSubstr("poll: no step passes an eventfd"), HasSubstr("IPAddressDeny=any"),
                      HasSubstr("1 usable, 0 absent, 0 unusable")));
    struct stat status {};
    ASSERT_EQ(fstat(other.get(), &status), 0);
    EXPECT_EQ(status.st_size, 0) << "no step wrote to the file";
    char byte = 0;
    EXPECT_EQ(read(reader.get(), &byte, 1), 0) << "no step wrote to the device";
}

TEST_F(CheckConfig, TerminalSupportsPollAndSigioButNoEventfd)
{
    const Terminal terminal;
    const auto check_by = [&](const std::string& notification) {
        return check(channel("test", terminal.path(), "preset = \"serial\"\n" + notification));
    };
    const Result any = check_by("");
    EXPECT_EQ(any.status, 0) << any.output;
    EXPECT_THAT(any.output,
                AllOf(HasSubstr("notification  poll: "), HasSubstr(terminal.path() + ": character device "),
                      HasSubstr("undone by the same ioctl, with the settings that ioctl 0x802c542a returned")));
    const Result sigio = check_by("notification = \"sigio\"\n");
    EXPECT_EQ(sigio.status, 0) << sigio.output;
    EXPECT_THAT(sigio.output, HasSubstr("notification  sigio: set in the configuration, and the device supports it"));
    const Result eventfd = check_by("notification = \"eventfd\"\n");
    EXPECT_EQ(eventfd.status, 1) << eventfd.output;
    EXPECT_THAT(eventfd.output, HasSubstr("notification  the device does not support an eventfd"));
}

TEST_F(CheckConfig, AbsentDeviceIsNoError)
{
    const Result result = check(channel("test", path("nothing"), "preset = \"fifo\"\n") +
                                "[[channel]]\nname = \"pad\"\npreset = \"evdev\"\n"
                                "match = { subsystem = \"input\", attributes = { \"device/name\" = \"No such\" } }\n" +
                                channel("given", "fd:door", "records = \"raw\"\n"));
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_THAT(result.output, AllOf(HasSubstr(path("nothing") + ": absent; the daemon waits for it"),
                                     HasSubstr("subsystem \"input\", attribute device/name \"No such\""),
                                     HasSubstr("device        absent; the daemon waits for it"),
                                     HasSubstr("fd:door: an open file that the service manager passes"),
                                     HasSubstr("1 usable, 2 absent, 0 unusable")));
}

TEST_F(CheckConfig, FirstOfSeveralMatchingDevicesIsUsed)
{
    const Result result = check("[[channel]]\nname = \"test\"\nrecords = \"raw\"\n"
                                "match = { subsystem = \"mem\", sysname = \"glob:*random\" }\n");
    EXPECT_THAT(result.output, AllOf(HasSubstr("matches       /dev/random, /dev/urandom; the daemon uses the first"),
                                     HasSubstr("device        /dev/random: character device 1:8")));
}

TEST_F(CheckConfig, AbsentDeviceThatAPatternWouldMatchGetsAdvice)
{
    const Result result = check("[[channel]]\nname = \"test\"\nrecords = \"raw\"\n"
                                "match = { subsystem = \"mem\", sysname = \"zer?\" }\n");
    EXPECT_THAT(result.output, HasSubstr("to use /dev/zero, for sysname write \"glob:zer?\""));
}

TEST_F(CheckConfig, DeviceOfAnotherChannelIsNotUsed)
{
    const Fifo fifo(path("fifo"));
    const std::string random = "\"\nrecords = \"raw\"\nmatch = { subsystem = \"mem\", sysname = \"glob:*random\" }\n";
    const Result result = check(channel("a", fifo.path()) + channel("b", fifo.path()) +  //
                                "[[channel]]\nname = \"c" + random + "[[channel]]\nname = \"d" + random +
                                "[[channel]]\nname = \"e" + random);
    EXPECT_THAT(result.output,
                AllOf(HasSubstr(fifo.path() + " is used by channel \"a\"; if both are to read it, set shared = true"),
                      HasSubstr("device        /dev/random: "), HasSubstr("device        /dev/urandom: "),
                      HasSubstr("absent; the daemon waits for another one: /dev/random is used by channel \"c\", "
                                "/dev/urandom is used by channel \"d\""),
                      HasSubstr("3 usable, 1 absent, 1 unusable")));
}

TEST_F(CheckConfig, DeviceWithoutPermissionIsUnusable)
{
    const Fifo fifo(path("fifo"));
    ASSERT_EQ(chmod(fifo.path().c_str(), 0), 0);
    configure(channel("test", fifo.path(), "preset = \"fifo\"\n"));
    Process process(config_line("check-config"), {.environment = {}, .before_exec = drop_access_capabilities});
    const Result result = end_of(process);
    EXPECT_EQ(result.status, 1) << result.output;
    EXPECT_THAT(result.output,
                AllOf(HasSubstr("opening " + fifo.path() + ": Permission denied"), HasSubstr("may not read it: it is "),
                      HasSubstr("mode 0000; give it to a group of this user"),
                      HasSubstr("0 usable, 0 absent, 1 unusable")));
}

TEST_F(CheckConfig, FileIsUnusableBecauseItSupportsNoNotification)
{
    std::ofstream(path("file")) << "text\n";
    const auto check_by = [&](const std::string& more) {
        return check(channel("test", path("file"), "records = \"lines\"\n" + more));
    };
    const Result polled = check_by("notification = \"poll\"\n");
    EXPECT_EQ(polled.status, 1);
    EXPECT_THAT(polled.output, AllOf(HasSubstr("the device cannot be polled; set notification to"),
                                     HasSubstr("a file does not report that it has changed")));
    const Result any = check_by("");
    EXPECT_EQ(any.status, 1);
    EXPECT_THAT(any.output, HasSubstr("notification  the device supports no notification: it accepts no eventfd"));
}

TEST_F(CheckConfig, FileThatTheSetupReturnsIsNotTested)
{
    const Result result = check(channel("test", "/dev/null", "preset = \"gpio\"\nline = 4\n"));
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_THAT(result.output, AllOf(HasSubstr("not tested, because it depends on the file that the setup returns"),
                                     HasSubstr("its \"name\" is prepended to each payload")));
}

class CheckInput : public CheckConfig {
protected:
    /// Number of bytes that the system calls of a process have read.
    static std::uint64_t bytes_read_by(pid_t process)
    {
        std::ifstream file("/proc/" + std::to_string(process) + "/io");
        std::string label;
        std::uint64_t bytes = 0;
        file >> label >> bytes;  // "rchar: N"
        return bytes;
    }

    /// Reads a FIFO as a channel with `settings` until its writer, which writes `bytes`, closes it.
    Result read_fifo(const std::string& settings, const std::string& bytes)
    {
        const Fifo fifo(path("fifo"));
        configure(channel("test", fifo.path(), settings));
        std::vector<std::string> command = config_line("check-config");
        command.insert(command.end(), {"--seconds", "3600"});
        Process process(command);
        {
            const UniqueFd writer = fifo.open_writer();
            write_all(writer.get(), bytes);
        }
        return end_of(process);
    }
};

TEST_F(CheckInput, RecordsAreCounted)
{
    const Result result = read_fifo("preset = \"fifo\"\nformat = \"u8 level\"\npattern = \"{level}\"\nmax_length = 5\n",
                                    "1\r\ntwo\n3\n123456789\n");
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_THAT(result.output,
                HasSubstr("input         19 bytes, 4 records; do not fit the format: 2; cut at the limit: 1; framing "
                          "errors: 1; the device hung up\n"));
}

TEST_F(CheckInput, MissingEndIsExplained)
{
    const Result result = read_fifo("preset = \"fifo\"\n", "@RESET\r$GPGGA,1\r");
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("16 bytes, 0 records; none of the bytes ends a record: a record ends with LF "
                                         "(\\n); the bytes contain CR (\\r) (2 times); set delimiter = \"\\r\""));
}

TEST_F(CheckInput, FramesAreExplained)
{
    const std::string settings = "records = \"frames\"\nframe = { start = [0x55, 0xaa], length = 5 }\n";
    const Result none = read_fifo(settings, "noise");
    EXPECT_THAT(none.output, AllOf(HasSubstr("\"frames\": each frame begins with 55 aa and has 5 bytes\n"),
                                   HasSubstr("none of the bytes ends a record: a frame begins with 55 aa, which the "
                                             "bytes contain 0 times; check the 'start' of 'frame'")));
}

TEST_F(CheckInput, SetupOfATerminalRunsAndIsUndone)
{
    const Terminal terminal;
    termios before{};
    must(tcgetattr(terminal.writer(), &before), "tcgetattr");
    configure(channel("test", terminal.path(), "preset = \"serial\"\ndelimiter = \"\\r\"\n"));
    std::vector<std::string> command = config_line("check-config");
    command.insert(command.end(), {"--seconds", "3600"});
    Process process(command);
    ASSERT_TRUE(wait_until([&] {
        termios now{};
        return tcgetattr(terminal.writer(), &now) == 0 && (now.c_iflag & ICRNL) == 0;
    }));
    // The command shows what it has read only at the end.
    const std::uint64_t read_before = bytes_read_by(process.pid());
    write_all(terminal.writer(), "one\rtwo\r");
    ASSERT_TRUE(wait_until([&] { return bytes_read_by(process.pid()) >= read_before + 8; }));
    process.signal(SIGINT);
    const Result result = end_of(process);
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_THAT(result.output, AllOf(HasSubstr("reading each device for 3600 s"),
                                     HasSubstr("input         8 bytes, 2 records; interrupted\n"),
                                     HasSubstr("\"lines\": each record ends with CR (\\r)\n")));
    termios after{};
    must(tcgetattr(terminal.writer(), &after), "tcgetattr");
    EXPECT_EQ(after.c_iflag, before.c_iflag);
}

TEST_F(CheckConfig, InvalidConfigurationIsReportedWithLineAndColumn)
{
    const Result result = check("[[channel]]\nname = \"test\"\nnotification = \"irq\"\n");
    EXPECT_EQ(result.status, EX_CONFIG);
    EXPECT_THAT(result.output, HasSubstr("drvbusctl: " + config_file() + ":3:16: 'notification' cannot be"));
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The command probe of drvbusctl.
#include "drvbusctl_test.hpp"

#include <csignal>
#include <ctime>
#include <fstream>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <termios.h>

#include "support/io.hpp"
#include "support/record.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Probe : public DrvbusctlTest {
protected:
    void probe(const std::string& device) { process_.emplace(line({"probe", device, "--seconds", "3600"})); }
    bool shows(const std::string& text)
    {
        return wait_until([&] { return process_->output().find(text) != std::string::npos; });
    }
    void interrupt() { process_->signal(SIGINT); }

    /// Lets drvbusctl read the FIFO until its writer closes it.
    Result probe_fifo(const Fifo& fifo, const std::string& bytes)
    {
        probe(fifo.path());
        {
            const UniqueFd writer = fifo.open_writer();
            write_all(writer.get(), bytes);
        }
        return end_of(*process_);
    }
    Result end() { return end_of(*process_); }

    /// Expects that the suggested channel has `settings` and that check-config accepts it.
    void expect_table(const Result& result, const std::string& settings)
    {
        EXPECT_EQ(result.status, 0) << result.output;
        const std::size_t from = result.output.find("[[channel]]\n");
        ASSERT_NE(from, std::string::npos) << result.output;
        const std::string table = result.output.substr(from);
        EXPECT_THAT(table, HasSubstr(settings));
        const Result checked = check(table);
        EXPECT_EQ(checked.status, 0) << table << checked.output;
        EXPECT_THAT(checked.output, HasSubstr("channels: 1"));
    }

private:
    std::optional<Process> process_;
};

TEST_F(Probe, FifoWithLinesGetsThePreset)
{
    const Fifo fifo(path("the.fifo"));
    const Result result = probe_fifo(fifo, "one\ntwo\n");
    EXPECT_THAT(result.output,
                AllOf(HasSubstr(fifo.path() + ": FIFO"), HasSubstr("poll          yes"), HasSubstr("sigio         yes"),
                      HasSubstr("00000000  6f 6e 65 0a 74 77 6f 0a                           |one.two.|"),
                      HasSubstr("reads: 1, bytes: 8; the device hung up"), HasSubstr("layout: lines of text")));
    expect_table(result, "name = \"the-fifo\"\npreset = \"fifo\"\ndevice = \"" + fifo.path() + "\"\n");
}

TEST_F(Probe, RecordsWithACounterAreGuessed)
{
    const Fifo fifo(path("fifo"));
    std::string bytes;
    for (std::uint32_t count = 7; count < 17; ++count)
        bytes += packed(count, 1000 + count * count, std::uint32_t{0xdead0000} + count * 3);
    const Result result = probe_fifo(fifo, bytes);
    EXPECT_THAT(result.output, HasSubstr("layout: records of 12 bytes that contain a counter"));
    expect_table(result, "records = \"fixed\"\nformat = \"u32 counter; u32 field_4; u32 field_8\"");
    EXPECT_THAT(result.output, AllOf(HasSubstr("# sequence = \"counter\""), Not(HasSubstr("time_ns"))));
}

TEST_F(Probe, TimeStampsAreGuessed)
{
    const Fifo fifo(path("fifo"));
    probe(fifo.path());
    ASSERT_TRUE(shows("reading for 3600 s"));
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    std::string bytes;
    for (std::uint64_t event = 0; event < 10; ++event)
        bytes += packed(event, static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + 1000 * event);
    write_all(fifo.open_writer().get(), bytes);
    const Result result = end();
    expect_table(result, "records = \"fixed\"\nformat = \"u64 counter; u64 time_ns\"");
    EXPECT_THAT(result.output, HasSubstr("# time = \"time_ns\""));
}

TEST_F(Probe, DrvbusRecordsAreRecognized)
{
    const Fifo fifo(path("fifo"));
    std::string bytes;
    for (std::uint64_t sequence = 1; sequence < 5; ++sequence)
        bytes += record({.sequence = sequence}, "payload");
    const Result result = probe_fifo(fifo, bytes);
    EXPECT_THAT(result.output, HasSubstr("layout: 4 x struct drvbus_record"));
    expect_table(result, "records = \"drvbus\"\n");
}

TEST_F(Probe, InputEventsOfOtherDevicesAreDecoded)
{
    const Fifo fifo(path("fifo"));
    std::string bytes;
    for (std::int32_t value = 0; value < 3; ++value)
        bytes += packed(std::int64_t{1'764'000'000}, std::int64_t{500}, std::uint16_t{2}, std::uint16_t{1}, value);
    expect_table(probe_fifo(fifo, bytes), "records = \"fixed\"\nformat = \"s64 _sec; s64 _usec; u16 type; ");
}

TEST_F(Probe, UnknownDataIsRaw)
{
    const Fifo fifo(path("fifo"));
    expect_table(probe_fifo(fifo, std::string("\x01\x02\xff\x00\x03", 5)), "records = \"raw\"");
}

TEST_F(Probe, StartOfALargeReadIsShown)
{
    const Fifo fifo(path("fifo"));
    const Result result = probe_fifo(fifo, std::string(1000, '\1'));
    EXPECT_THAT(result.output, AllOf(HasSubstr("\n000000f0  01 01"), Not(HasSubstr("\n00000100  01")),
                                     HasSubstr("... 744 more bytes")));
}

TEST_F(Probe, TerminalIsReadUntilInterrupted)
{
    const Terminal terminal;
    probe(terminal.path());
    ASSERT_TRUE(shows("reading for 3600 s"));
    write_all(terminal.writer(), "$GPGGA,1\n");
    ASSERT_TRUE(shows("|$GPGGA,1.|"));
    interrupt();
    const Result result = end();
    EXPECT_THAT(result.output, AllOf(HasSubstr(terminal.path() + ": character device "),
                                     HasSubstr("reads: 1, bytes: 9; interrupted")));
    expect_table(result, "name = \"pts-" + terminal.path().substr(9) + "\"\npreset = \"serial\"\n");
}

TEST_F(Probe, TerminalWithoutNewlinesGetsADelimiter)
{
    const Terminal terminal;
    termios before{};
    must(tcgetattr(terminal.writer(), &before), "tcgetattr");
    probe(terminal.path());
    ASSERT_TRUE(shows("reading for 3600 s"));
    // The terminal turns CR into LF until the command has changed its settings.
    ASSERT_TRUE(wait_until([&] {
        termios now{};
        return tcgetattr(terminal.writer(), &now) == 0 && (now.c_iflag & ICRNL) == 0;
    }));
    write_all(terminal.writer(), "@RESET\r$GPGGA,1\r");
    ASSERT_TRUE(shows("|@RESET.$GPGGA,1.|"));
    interrupt();
    const Result result = end();
    EXPECT_THAT(result.output, HasSubstr("layout: records of text that end with CR, without LF"));
    expect_table(result, "preset = \"serial\"\ndevice = \"" + terminal.path() + "\"\ndelimiter = \"\\r\"\n");
    termios after{};
    must(tcgetattr(terminal.writer(), &after), "tcgetattr");
    EXPECT_EQ(after.c_iflag, before.c_iflag);
    EXPECT_EQ(after.c_lflag, before.c_lflag);
}

TEST_F(Probe, FifoWithRecordsThatEndWithNulGetsADelimiter)
{
    const Fifo fifo(path("fifo"));
    expect_table(probe_fifo(fifo, std::string("one\0two\0", 8)), "delimiter = \"\\u0000\"\n");
}

TEST_F(Probe, TerminalIsReadUntilItHangsUp)
{
    std::optional<Terminal> terminal(std::in_place);
    probe(terminal->path());
    ASSERT_TRUE(shows("reading for 3600 s"));
    terminal.reset();
    const Result result = end();
    EXPECT_EQ(result.status, 0);
    EXPECT_THAT(result.output,
                AllOf(HasSubstr("reads: 0, bytes: 0; the device hung up"), HasSubstr("no data was received")));
}

TEST_F(Probe, SocketIsConnectedTo)
{
    const UniqueFd socket(must(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "socket"));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(path("socket").size(), sizeof(address.sun_path)) << "the path in TMPDIR is too long for a socket";
    path("socket").copy(address.sun_path, sizeof(address.sun_path) - 1);
    must(bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), "bind");
    must(listen(socket.get(), 8), "listen");
    probe(path("socket"));
    UniqueFd connection(must(accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
    write_all(connection.get(), "one\n");
    connection.reset();
    const Result result = end();
    EXPECT_THAT(result.output, AllOf(HasSubstr(": Unix socket"), HasSubstr("reads: 1, bytes: 4; the device hung up")));
    expect_table(result, "preset = \"fifo\"\n");
}

TEST_F(Probe, FileIsReadToItsEnd)
{
    std::ofstream(path("7\"\\ file\n")) << "text\n";
    probe(path("7\"\\ file\n"));
    const Result result = end();
    EXPECT_EQ(result.status, 0);
    EXPECT_THAT(result.output,
                AllOf(HasSubstr("poll          no"), HasSubstr("end of the file"),
                      HasSubstr("supports neither poll nor SIGIO"),
                      HasSubstr("7\\\"\\\\ file\\u000a\"\nrecords = \"lines\"\n"), HasSubstr("-7---file-\"\n")));
    EXPECT_EQ(check(result.output.substr(result.output.find("[[channel]]"))).status, 1)
        << "a file supports no notification";
}

TEST_F(Probe, ConsoleIsNotRead)
{
    const std::string node = path("console");
    must(mknod(node.c_str(), S_IFCHR | 0600, makedev(4, 1)), "mknod");
    probe(node);
    const Result result = end();
    ASSERT_EQ(result.status, 0) << result.output;
    EXPECT_THAT(result.output, AllOf(HasSubstr("not read: it is a console: all that is typed on it"),
                                     Not(HasSubstr("reading for")), Not(HasSubstr("[[channel]]"))));
}

TEST_F(Probe, AbsentDeviceIsAnError)
{
    probe(path("nothing"));
    const Result result = end();
    EXPECT_EQ(result.status, 1);
    EXPECT_THAT(result.output,
                AllOf(testing::StartsWith("drvbusctl: "), HasSubstr(path("nothing") + ": No such file or directory")));
}

}  // namespace
}  // namespace drvbus::test

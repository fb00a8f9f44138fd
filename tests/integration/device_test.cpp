// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Existing drivers and files that a configuration publishes on the bus, without new code.
#include <array>
#include <csignal>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.hpp"
#include "daemon_test.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Device : public DaemonTest {
protected:
    /// The text in `field` of each received event.
    static std::vector<std::string> texts(const Subscriber& subscriber, const std::string& field = "text")
    {
        std::vector<std::string> texts;
        for (const Event& event : subscriber.received().events)
            texts.push_back(event.fields().at(field).get<std::string>());
        return texts;
    }

    Subscriber subscriber_{"sensor", bus().address()};
};

TEST_F(Device, LinesOfAShellScriptArePublished)
{
    const Fifo fifo(path("fifo"));
    start(channel("sensor", fifo.path(), "preset = \"fifo\"\n"));
    ASSERT_EQ(shell("exec >" + fifo.path() + "; echo one; echo; printf 'two '").status, 0);
    ASSERT_EQ(shell("echo and four >" + fifo.path()).status, 0);
    ASSERT_TRUE(subscriber_.wait_for(3)) << summary(subscriber_);
    EXPECT_THAT(texts(subscriber_), ElementsAre("one", "", "two and four"));
    EXPECT_EQ(subscriber_.received().gaps(3), "");
}

TEST_F(Device, PatternSplitsLinesIntoFieldsWithIdsAndNames)
{
    const Fifo fifo(path("fifo"));
    start(channel("sensor", fifo.path(),
                  "records = \"lines\"\nformat = \"u8 level; f64 celsius; char place[]\"\n"
                  "pattern = \"{level} {celsius} {place}\"\nid = \"level\"\nnames = { 4 = \"overheat\" }\n"));
    ASSERT_EQ(shell("printf '4 81.5 cpu 0\\n7 nonsense\\n1 20 board\\n' >" + fifo.path()).status, 0);
    ASSERT_TRUE(subscriber_.wait_for(3)) << summary(subscriber_);
    const std::vector<Event> events = subscriber_.received().events;
    EXPECT_EQ(events[0].name, "overheat");
    EXPECT_EQ(events[0].id, 4U);
    EXPECT_EQ(events[0].fields().at("celsius").get<double>(), 81.5);
    EXPECT_EQ(events[0].fields().at("place").get<std::string>(), "cpu 0");
    EXPECT_EQ(events[1].data.get<std::vector<std::uint8_t>>().size(), 10U)
        << "a line that does not match is published as bytes";
    EXPECT_EQ(events[2].name, "1");
    EXPECT_EQ(subscriber_.channel().FormatMismatches(), 1U);
}

TEST_F(Device, TimeBeforeBootIsPublishedAsUnknown)
{
    const Fifo fifo(path("fifo"));
    start(channel("sensor", fifo.path(),
                  "records = \"fixed\"\nformat = \"u64 ns\"\ntime = \"ns\"\nclock = \"realtime\"\n"));
    const UniqueFd writer = fifo.open_writer();
    write_all(writer.get(), packed(std::uint64_t{1}, clock_ns(CLOCK_REALTIME)));
    ASSERT_TRUE(subscriber_.wait_for(2)) << summary(subscriber_);
    const std::vector<Event> events = subscriber_.received().events;
    EXPECT_EQ(events[0].time, 0U);
    EXPECT_TRUE(events[0].fields().at("_time_unknown").get<bool>());
    EXPECT_GT(events[1].time, 0U);
    EXPECT_FALSE(events[1].fields().contains("_time_unknown"));
}

TEST_F(Device, LossThatTheDeviceReportsIsAnnounced)
{
    const Fifo fifo(path("fifo"));
    start(channel("sensor", fifo.path(),
                  "records = \"fixed\"\nformat = \"u8 id\"\nid = \"id\"\n"
                  "names = { 3 = \"dropped\", 7 = \"report\" }\nignore = [\"report\"]\n"
                  "loss = [\"dropped\"]\nresync = [\"report\"]\n"));
    const UniqueFd writer = fifo.open_writer();
    write_all(writer.get(), "\x01\x03\x02\x07\x02");
    ASSERT_TRUE(subscriber_.wait_for(4)) << summary(subscriber_);
    const Received received = subscriber_.received();
    EXPECT_EQ(received.gaps(4), "");
    ASSERT_EQ(received.lost.size(), 1U);
    EXPECT_EQ(received.lost[0].first, 2U);
    EXPECT_EQ(received.lost[0].count, 0U);
    ASSERT_EQ(received.events.size(), 3U);
    EXPECT_TRUE(received.events[1].fields().at("_incomplete").get<bool>());
    EXPECT_FALSE(received.events[2].fields().contains("_incomplete"));
    EXPECT_EQ(subscriber_.channel().EventsLost(), 1U);
    const auto [events, next, more, lost, instance] = subscriber_.channel().GetEvents(1, 0);
    EXPECT_EQ(events.size(), 3U);
    EXPECT_EQ(next, 5U);
    EXPECT_EQ(lost, 1U);
}

class SocketDevice : public Device, public testing::WithParamInterface<int> {};

TEST_P(SocketDevice, LinesArePublishedAcrossReconnect)
{
    const UniqueFd socket = bind_socket(path("socket"), GetParam());
    must(listen(socket.get(), 1), "listen");
    start(channel("sensor", path("socket"), "preset = \"fifo\"\n"));
    UniqueFd connection(must(accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
    write_all(connection.get(), "one\ntwo");
    connection.reset();
    ASSERT_TRUE(subscriber_.wait_for(2)) << summary(subscriber_);
    // The socket was closed; drvbusd connects again.
    connection.reset(must(accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
    write_all(connection.get(), "three\n");
    ASSERT_TRUE(subscriber_.wait_for(3)) << summary(subscriber_);
    EXPECT_THAT(texts(subscriber_), ElementsAre("one", "two", "three"));
    EXPECT_EQ(reason_for("online", subscriber_), "");
}

INSTANTIATE_TEST_SUITE_P(Types, SocketDevice, testing::Values(SOCK_STREAM, SOCK_SEQPACKET),
                         [](const auto& type) { return type.param == SOCK_STREAM ? "Stream" : "Seqpacket"; });

/// A terminal's settings in the kernel's layout (struct termios2), which has arbitrary speeds; struct termios of the
/// C library does not.
struct Settings {
    std::array<std::uint32_t, 4> flags;  ///< of input, output, control and local modes
    std::array<unsigned char, 20> control;
    std::array<std::uint32_t, 2> speeds;

    friend bool operator==(const Settings&, const Settings&) = default;
};

Settings settings_of(const Terminal& terminal)
{
    constexpr unsigned long kTcgets2 = _IOR('T', 0x2A, Settings);
    Settings settings{};
    must(ioctl(terminal.writer(), kTcgets2, &settings), "TCGETS2");
    return settings;
}

class SerialDevice : public Device, public testing::WithParamInterface<const char*> {};

TEST_P(SerialDevice, LinesArePublishedAndTerminalSettingsAreRestored)
{
    const Terminal terminal;
    const Settings before = settings_of(terminal);
    start(channel("sensor", terminal.path(),
                  "preset = \"serial\"\nbaud = 9600\nnotification = \"" + std::string(GetParam()) + "\"\n"));
    ASSERT_EQ(reason_for("online", subscriber_), "");
    EXPECT_EQ(subscriber_.channel().Notification(), GetParam());
    const Settings during = settings_of(terminal);
    EXPECT_EQ(during.speeds[1], 9600U);
    EXPECT_EQ(during.flags[3], 0U) << "local modes are not raw";

    for (const char* const text : {"$GPGGA,1\r\n", "first ", "second\n", "\n"})
        write_all(terminal.writer(), text);
    ASSERT_TRUE(subscriber_.wait_for(3)) << summary(subscriber_);
    EXPECT_THAT(texts(subscriber_), ElementsAre("$GPGGA,1", "first second", ""));

    daemon().signal(SIGTERM);
    ASSERT_EQ(daemon().wait(), 0);
    const Settings after = settings_of(terminal);
    EXPECT_EQ(after, before) << "the settings were not restored at close";
}

TEST_P(SerialDevice, ChunkIsPublishedWithRawRecords)
{
    const Terminal terminal;
    start(channel("sensor", terminal.path(),
                  "preset = \"serial\"\nrecords = \"raw\"\nnotification = \"" + std::string(GetParam()) + "\"\n"));
    ASSERT_EQ(reason_for("online", subscriber_), "");
    write_all(terminal.writer(), "no newline");
    ASSERT_TRUE(subscriber_.wait_for(1)) << summary(subscriber_);
    EXPECT_THAT(texts(subscriber_), ElementsAre("no newline"));
}

INSTANTIATE_TEST_SUITE_P(Notifications, SerialDevice, testing::Values("poll", "sigio"),
                         [](const auto& notification) { return std::string(notification.param); });

/// A cgroup v1 memory control group. Does not exist on a machine without cgroup v1.
class MemoryCgroup {
public:
    MemoryCgroup() : path_("/sys/fs/cgroup/memory/drvbus-test-XXXXXX") { exists_ = mkdtemp(path_.data()) != nullptr; }
    MemoryCgroup(const MemoryCgroup&) = delete;
    MemoryCgroup& operator=(const MemoryCgroup&) = delete;
    ~MemoryCgroup()
    {
        if (exists_)
            rmdir(path_.c_str());
    }

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] bool exists() const { return exists_; }

private:
    std::string path_;
    bool exists_;
};

// The kernel itself signals this eventfd. A machine with cgroup v2 only has no such file: then this test checks the
// channel's reason, and the test in the debug kernel covers the events.
TEST_F(Device, CgroupThresholdIsPublished)
{
    const MemoryCgroup cgroup;
    start("[[channel]]\nname = \"sensor\"\npreset = \"cgroup-eventfd\"\ncgroup = \"" + cgroup.path() +
          "\"\nthreshold = 8388608\n");
    if (!cgroup.exists()) {
        EXPECT_THAT(reason_for("absent", subscriber_), HasSubstr("there is no " + cgroup.path()));
        return;
    }
    ASSERT_EQ(reason_for("online", subscriber_), "");
    EXPECT_EQ(subscriber_.channel().Notification(), "eventfd");
    const Result crossing = shell("echo $$ >" + cgroup.path() + "/cgroup.procs; python3 -c 'bytearray(32 << 20)'");
    ASSERT_EQ(crossing.status, 0) << crossing.output;
    ASSERT_TRUE(subscriber_.wait_for(1)) << summary(subscriber_);
    const Event event = subscriber_.received().events.front();
    EXPECT_EQ(event.name, "threshold");
    EXPECT_GT(event.fields().at("usage").get<std::uint64_t>(), 0U);
}

TEST_F(Device, FieldsOfASetupStepArePublishedWithEachEvent)
{
    const Fifo fifo(path("fifo"));
    start(channel("sensor", fifo.path(),
                  "records = \"lines\"\nformat = \"u16 place; char text[]\"\n"
                  "setup = [{ format = \"u16 place\", values = { place = 7 } }]\n"));
    ASSERT_EQ(shell("echo here >" + fifo.path()).status, 0);
    ASSERT_TRUE(subscriber_.wait_for(1)) << summary(subscriber_);
    EXPECT_EQ(subscriber_.received().events[0].fields().at("place").get<std::uint16_t>(), 7U);
    EXPECT_THAT(texts(subscriber_), ElementsAre("here"));
}

TEST_F(Device, ReloadOfNamesLosesNothingAndReloadOfSettingsReopens)
{
    const Fifo fifo(path("fifo"));
    const auto settings = [&](const std::string& more) {
        return channel("sensor", fifo.path(), "preset = \"fifo\"\n" + more);
    };
    start(settings(""));
    const UniqueFd writer = fifo.open_writer();
    const auto reload = [&](const std::string& more) {
        configure(settings(more));
        daemon().signal(SIGHUP);
    };
    const auto instance = subscriber_.channel().Instance();
    write_all(writer.get(), "one\nfirst part, ");
    ASSERT_TRUE(subscriber_.wait_for(1)) << summary(subscriber_);
    reload("names = { 0 = \"line\" }\n");
    write_all(writer.get(), "second part\n");
    ASSERT_TRUE(subscriber_.wait([](const Received& received) { return received.events.size() == 2; }))
        << summary(subscriber_);
    EXPECT_THAT(texts(subscriber_), ElementsAre("one", "first part, second part"));
    EXPECT_EQ(subscriber_.channel().Instance(), instance);
    reload("flood = 7\n");
    EXPECT_TRUE(wait_until([&] { return subscriber_.channel().Instance() != instance; }));
}

}  // namespace
}  // namespace drvbus::test

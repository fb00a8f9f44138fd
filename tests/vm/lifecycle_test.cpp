// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Channels are added and removed while the daemon runs.
#include <array>
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/sock_diag.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "service.hpp"
#include "sim.hpp"
#include "support/io.hpp"
#include "support/process.hpp"
#include "support/subscriber.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

using testing::HasSubstr;

class Lifecycle : public testing::Test {
protected:
    Lifecycle() { run({"systemctl", "start", "drvbusd"}); }
};

TEST_F(Lifecycle, ChannelIsAddedWithItsPropertiesAndRemoved)
{
    const std::string path = "/org/drvbus1/channel/a_2db_5fc";
    const Monitor monitor;
    SimChannel channel("a-b_c");
    ASSERT_TRUE(monitor.shows("InterfacesAdded (objectpath '" + path + "', {")) << monitor.output();
    EXPECT_TRUE(monitor.shows("'Name': <'a-b_c'>")) << monitor.output();
    EXPECT_TRUE(monitor.shows("PropertiesChanged ('org.drvbus1.Manager', {'Channels': <uint32 1>}"))
        << monitor.output();
    ASSERT_EQ(channel.remove(), 0);
    EXPECT_TRUE(monitor.shows("InterfacesRemoved (objectpath '" + path + "', [")) << monitor.output();
    EXPECT_TRUE(monitor.shows("PropertiesChanged ('org.drvbus1.Manager', {'Channels': <uint32 0>}"))
        << monitor.output();
    EXPECT_TRUE(wait_for_no_channel("a-b_c"));
}

TEST_F(Lifecycle, EventsEmittedBeforeTheRemovalArePublished)
{
    const Monitor monitor;
    SimChannel channel("short");
    ASSERT_TRUE(wait_for_channel("short"));
    const Subscriber subscriber("short");
    {
        const StoppedDaemon stopped;
        ASSERT_EQ(channel.burst(500), 0);
        ASSERT_EQ(channel.remove(), 0);
    }
    EXPECT_TRUE(subscriber.wait_for(500)) << subscriber.received().events.size();
    EXPECT_EQ(subscriber.received().gaps(500), "");
    EXPECT_TRUE(monitor.shows("InterfacesRemoved (objectpath '/org/drvbus1/channel/short'"));
}

TEST_F(Lifecycle, NextChannelOfTheSameNameIsAnotherInstance)
{
    std::optional<SimChannel> channel(std::in_place, "again");
    ASSERT_TRUE(wait_for_channel("again"));
    const Subscriber subscriber("again");
    {
        // The uevents of both channels are pending when the daemon continues.
        const StoppedDaemon stopped;
        ASSERT_EQ(channel->burst(3), 0);
        channel.reset();
        channel.emplace("again");
        ASSERT_EQ(channel->burst(2), 0);
    }
    ASSERT_TRUE(subscriber.wait([](const Received& received) { return received.events.size() >= 5; }))
        << subscriber.received().events.size();
    std::vector<std::uint64_t> sequences;
    for (const Event& event : subscriber.received().events)
        sequences.push_back(event.sequence);
    EXPECT_THAT(sequences, testing::ElementsAre(1, 2, 3, 1, 2));
    EXPECT_TRUE(subscriber.received().lost.empty());
    EXPECT_EQ(subscriber.channel().State(), "online");
}

TEST_F(Lifecycle, EventsEmittedBeforeTheDaemonStartedArePublished)
{
    run({"systemctl", "stop", "drvbusd"});
    run({"systemctl", "mask", "--runtime", "drvbusd"});
    const SimChannel channel("early");
    ASSERT_EQ(channel.burst(10), 0);
    const Subscriber subscriber("early");
    run({"systemctl", "unmask", "--runtime", "drvbusd"});
    ASSERT_EQ(run({"systemctl", "start", "drvbusd"}).status, 0);
    EXPECT_TRUE(subscriber.wait_for(10));
    EXPECT_EQ(subscriber.received().gaps(10), "");
}

TEST_F(Lifecycle, EachOfManyChannelsPublishesItsOwnEvents)
{
    constexpr std::uint64_t kEvents = 50;
    std::vector<std::unique_ptr<SimChannel>> channels;
    std::vector<std::unique_ptr<Subscriber>> subscribers;
    for (int i = 0; i < 8; ++i) {
        SimChannel::Settings settings;
        settings.format = "u32 count; u8 rest[]";
        settings.legacy = i % 4 == 3;
        channels.push_back(std::make_unique<SimChannel>("many" + std::to_string(i), settings));
        ASSERT_EQ(channels.back()->set("generator_id", std::to_string(100 + i)), 0);
        ASSERT_TRUE(wait_for_channel(channels.back()->name()));
        subscribers.push_back(std::make_unique<Subscriber>(channels.back()->name()));
    }
    for (const auto& channel : channels)
        ASSERT_EQ(channel->burst(kEvents), 0);
    for (std::size_t i = 0; i < channels.size(); ++i) {
        ASSERT_TRUE(subscribers[i]->wait_for(kEvents));
        const Received received = subscribers[i]->received();
        EXPECT_EQ(received.gaps(kEvents), "");
        for (const Event& event : received.events)
            ASSERT_EQ(event.id, 100 + i);
    }
}

/// A daemon whose netlink socket overflows, so that it misses uevents of new channels.
class MissedUevents : public Lifecycle {
protected:
    // The tests stop the daemon for long, and a daemon without free fds cannot notify the watchdog.
    static void SetUpTestSuite() { no_watchdog_ = std::make_unique<UnitDropIn>("WatchdogSec=0\n"); }
    static void TearDownTestSuite() { no_watchdog_.reset(); }

    void SetUp() override
    {
        ASSERT_TRUE(wait_for_channel("first"));
        daemon_ = daemon_pid();
    }
    // Restarts the daemon, because the socket of this process remains too small.
    void TearDown() override { EXPECT_EQ(run({"systemctl", "restart", "drvbusd"}).status, 0); }

    /// Adds channels while the daemon's netlink socket has room for the uevent of only one.
    void make_channels()
    {
        const std::vector<UniqueFd> udev = sockets_of(daemon_, SO_DOMAIN, AF_NETLINK);
        ASSERT_EQ(udev.size(), 1U);
        const int socket = udev.front().get();
        // Uevents from earlier tests must not fill the socket.
        run({"udevadm", "settle"});
        ASSERT_TRUE(wait_until([&] { return unread_bytes(socket) == 0; }));
        const int bytes = 0;
        must(setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)), "SO_RCVBUF");
        const StoppedDaemon stopped;
        for (const char* const name : {"missed0", "missed1", "missed2", "missed3"}) {
            channels_.push_back(std::make_unique<SimChannel>(name));
            // udev handles uevents of several devices in parallel: the one of missed0 must arrive first.
            run({"udevadm", "settle"});
        }
    }

    /// @returns the size of the messages in a socket that the daemon has not read, in bytes
    static std::uint32_t unread_bytes(int socket)
    {
        std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
        socklen_t size = sizeof(info);
        must(getsockopt(socket, SOL_SOCKET, SO_MEMINFO, info.data(), &size), "SO_MEMINFO");
        return info[SK_MEMINFO_RMEM_ALLOC];
    }

    inline static std::unique_ptr<UnitDropIn> no_watchdog_;
    SimChannel first_{"first"};
    pid_t daemon_ = 0;
    std::vector<std::unique_ptr<SimChannel>> channels_;
};

TEST_F(MissedUevents, ChannelsAreFound)
{
    ASSERT_NO_FATAL_FAILURE(make_channels());
    for (const auto& channel : channels_)
        EXPECT_TRUE(wait_for_channel(channel->name())) << channel->name();
    EXPECT_EQ(daemon_pid(), daemon_) << "a restart would have found all of them";
}

TEST_F(MissedUevents, FailedScanRemovesNoChannel)
{
    const Subscriber subscriber("first");
    ASSERT_EQ(first_.emit(1), 0);
    ASSERT_TRUE(subscriber.wait_for(1));
    rlimit files{};
    must(prlimit(daemon_, RLIMIT_NOFILE, nullptr, &files), "prlimit");
    files.rlim_cur = 3;  // fewer than it has open: it can open nothing
    must(prlimit(daemon_, RLIMIT_NOFILE, &files, nullptr), "prlimit");
    ASSERT_NO_FATAL_FAILURE(make_channels());
    // The channel whose uevent arrived cannot be opened either. Its state shows that the scan is over.
    const Subscriber announced("missed0");
    ASSERT_TRUE(wait_for_channel("missed0"));
    EXPECT_TRUE(wait_until([&] { return announced.channel().State() == "retrying"; }));
    ASSERT_EQ(first_.emit(2), 0);
    ASSERT_TRUE(subscriber.wait_for(2));
    EXPECT_EQ(subscriber.channel().State(), "online");
    EXPECT_EQ(subscriber.received().gaps(2), "");
}

TEST_F(Lifecycle, BusyChannelDoesNotStarveAnother)
{
    constexpr std::uint64_t kBurst = 6000;  // many more than one turn publishes
    SimChannel::Settings settings;
    settings.depth = kBurst;
    SimChannel busy("busy", settings);
    SimChannel other("other");
    ASSERT_TRUE(wait_for_channel("busy"));
    ASSERT_TRUE(wait_for_channel("other"));
    const Subscriber subscriber("other");
    ASSERT_EQ(busy.burst(kBurst), 0);
    ASSERT_EQ(other.emit(1), 0);
    ASSERT_TRUE(subscriber.wait_for(1));
    EXPECT_LE(next_sequence("busy"), kBurst) << "the other channel had to wait for all events of the busy one";
    EXPECT_TRUE(wait_until([] { return next_sequence("busy") == kBurst + 1; }));
}

TEST_F(Lifecycle, ModuleIsReloadedWhileTheDaemonRuns)
{
    {
        const SimChannel channel("before");
        ASSERT_TRUE(wait_for_channel("before"));
        const Result busy = run({"modprobe", "-r", "drvbus_sim"});
        EXPECT_NE(busy.status, 0);
        EXPECT_THAT(busy.output, HasSubstr("in use"));
    }
    ASSERT_TRUE(wait_for_no_channel("before"));
    const pid_t before = daemon_pid();
    EXPECT_TRUE(wait_until([] { return run({"modprobe", "-r", "drvbus_sim", "drvbus"}).status == 0; }));
    EXPECT_NE(shell("grep -q ^drvbus /proc/modules").status, 0);

    const SimChannel channel("after");
    ASSERT_TRUE(wait_for_channel("after"));
    const Subscriber subscriber("after");
    ASSERT_EQ(channel.emit(5), 0);
    EXPECT_TRUE(subscriber.wait_for(1)) << subscriber.channel().State();
    EXPECT_EQ(daemon_pid(), before);
}

}  // namespace
}  // namespace drvbus::test

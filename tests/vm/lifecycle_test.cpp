// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Channels come and go while the daemon runs.
#include <array>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
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

TEST_F(Lifecycle, AChannelAppearsWithItsPropertiesAndDisappears)
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

TEST_F(Lifecycle, WhatAChannelEmittedBeforeItWentIsPublished)
{
    const Monitor monitor;
    SimChannel channel("short");
    ASSERT_TRUE(wait_for_channel("short"));
    const Subscriber subscriber("short");
    const pid_t daemon = daemon_pid();
    kill(daemon, SIGSTOP);
    ASSERT_EQ(channel.burst(500), 0);
    ASSERT_EQ(channel.remove(), 0);
    kill(daemon, SIGCONT);
    EXPECT_TRUE(subscriber.wait_for(500)) << subscriber.heard().events.size();
    EXPECT_EQ(subscriber.heard().gaps(500), "");
    EXPECT_TRUE(monitor.shows("InterfacesRemoved (objectpath '/org/drvbus1/channel/short'"));
}

TEST_F(Lifecycle, TheNextChannelOfTheSameNameIsAnother)
{
    std::optional<SimChannel> channel(std::in_place, "again");
    ASSERT_TRUE(wait_for_channel("again"));
    const Subscriber subscriber("again");
    const pid_t daemon = daemon_pid();
    // The daemon learns of all of it at once.
    kill(daemon, SIGSTOP);
    ASSERT_EQ(channel->burst(3), 0);
    channel.reset();
    channel.emplace("again");
    ASSERT_EQ(channel->burst(2), 0);
    kill(daemon, SIGCONT);

    ASSERT_TRUE(subscriber.wait([](const Heard& heard) { return heard.events.size() >= 5; }))
        << subscriber.heard().events.size();
    std::vector<std::uint64_t> sequences;
    for (const Event& event : subscriber.heard().events)
        sequences.push_back(event.sequence);
    EXPECT_THAT(sequences, testing::ElementsAre(1, 2, 3, 1, 2));
    EXPECT_TRUE(subscriber.heard().lost.empty());
    EXPECT_EQ(subscriber.channel().State(), "online");
}

TEST_F(Lifecycle, WhatHappenedBeforeTheDaemonStartedIsPublished)
{
    run({"systemctl", "stop", "drvbusd"});
    run({"systemctl", "mask", "--runtime", "drvbusd"});
    const SimChannel channel("early");
    ASSERT_EQ(channel.burst(10), 0);
    const Subscriber subscriber("early");
    run({"systemctl", "unmask", "--runtime", "drvbusd"});
    ASSERT_EQ(run({"systemctl", "start", "drvbusd"}).status, 0);
    EXPECT_TRUE(subscriber.wait_for(10));
    EXPECT_EQ(subscriber.heard().gaps(10), "");
}

TEST_F(Lifecycle, ManyChannelsEachGetTheirOwn)
{
    constexpr std::uint64_t kEvents = 100;
    std::vector<std::unique_ptr<SimChannel>> channels;
    std::vector<std::unique_ptr<Subscriber>> subscribers;
    for (int i = 0; i < 16; ++i) {
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
        const Heard heard = subscribers[i]->heard();
        EXPECT_EQ(heard.gaps(kEvents), "");
        for (const Event& event : heard.events)
            ASSERT_EQ(event.id, 100 + i);
    }
}

/// A daemon that the kernel cannot tell of devices that come.
class Untold : public Lifecycle {
protected:
    void SetUp() override
    {
        // It stands still for long, and has no files left to tell the watchdog.
        std::filesystem::create_directories(kDropIns);
        std::ofstream(kDropIns + "/untold.conf") << "[Service]\nWatchdogSec=0\n";
        run({"systemctl", "daemon-reload"});
        ASSERT_EQ(run({"systemctl", "restart", "drvbusd"}).status, 0);
        ASSERT_TRUE(wait_for_channel("first"));
        daemon_ = daemon_pid();
    }
    void TearDown() override
    {
        std::filesystem::remove(kDropIns + "/untold.conf");
        run({"systemctl", "daemon-reload"});
        EXPECT_EQ(run({"systemctl", "restart", "drvbusd"}).status, 0);
    }

    /// Channels come, and there is room for the news of hardly one of them.
    void make_channels()
    {
        const std::vector<UniqueFd> udev = sockets_of(daemon_, SO_DOMAIN, AF_NETLINK);
        ASSERT_EQ(udev.size(), 1U);
        const int socket = udev.front().get();
        // News of what other tests did would take the room of the first.
        run({"udevadm", "settle"});
        ASSERT_TRUE(wait_until([&] { return waiting_in(socket) == 0; }));
        const int bytes = 0;
        must(setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)), "SO_RCVBUF");
        kill(daemon_, SIGSTOP);
        const std::string status = "/proc/" + std::to_string(daemon_) + "/status";
        ASSERT_TRUE(wait_until([&] { return read_file(status).find("State:\tT") != std::string::npos; }));
        for (const char* const name : {"untold0", "untold1", "untold2", "untold3"})
            channels_.push_back(std::make_unique<SimChannel>(name));
        run({"udevadm", "settle"});
        kill(daemon_, SIGCONT);
    }

    /// What a socket holds that nobody has read, in bytes.
    static std::uint32_t waiting_in(int socket)
    {
        std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
        socklen_t size = sizeof(info);
        must(getsockopt(socket, SOL_SOCKET, SO_MEMINFO, info.data(), &size), "SO_MEMINFO");
        return info[SK_MEMINFO_RMEM_ALLOC];
    }

    inline static const std::string kDropIns = "/run/systemd/system/drvbusd.service.d";
    SimChannel first_{"first"};
    pid_t daemon_ = 0;
    std::vector<std::unique_ptr<SimChannel>> channels_;
};

TEST_F(Untold, ChannelsAreFound)
{
    ASSERT_NO_FATAL_FAILURE(make_channels());
    for (const auto& channel : channels_)
        EXPECT_TRUE(wait_for_channel(channel->name())) << channel->name();
    EXPECT_EQ(daemon_pid(), daemon_) << "it was not restarted, which finds all of them";
}

TEST_F(Untold, ALookThatFailsTakesNothingForGone)
{
    const Subscriber subscriber("first");
    ASSERT_EQ(first_.emit(1), 0);
    ASSERT_TRUE(subscriber.wait_for(1));
    rlimit files{};
    must(prlimit(daemon_, RLIMIT_NOFILE, nullptr, &files), "prlimit");
    files.rlim_cur = 3;  // fewer than it has open: it can open nothing
    must(prlimit(daemon_, RLIMIT_NOFILE, &files, nullptr), "prlimit");
    ASSERT_NO_FATAL_FAILURE(make_channels());
    // The one of which it was told cannot be opened either; by then it has looked what others there are.
    const Subscriber told("untold0");
    ASSERT_TRUE(wait_for_channel("untold0"));
    EXPECT_TRUE(wait_until([&] { return told.channel().State() == "retrying"; }));
    ASSERT_EQ(first_.emit(2), 0);
    ASSERT_TRUE(subscriber.wait_for(2));
    EXPECT_EQ(subscriber.channel().State(), "online");
    EXPECT_EQ(subscriber.heard().gaps(2), "");
}

TEST_F(Lifecycle, ANoisyChannelDoesNotStarveAQuietOne)
{
    SimChannel noisy("noisy");
    SimChannel quiet("quiet");
    ASSERT_TRUE(wait_for_channel("noisy"));
    ASSERT_TRUE(wait_for_channel("quiet"));
    const Subscriber subscriber("quiet");
    ASSERT_EQ(noisy.set("rate", "2000"), 0);
    for (std::uint64_t i = 1; i <= 20; ++i) {
        ASSERT_EQ(quiet.emit(1), 0);
        ASSERT_TRUE(subscriber.wait_for(i)) << "while " << noisy.sysfs("events") << " others were emitted";
    }
    EXPECT_GT(noisy.sysfs("events"), 0U);
    ASSERT_EQ(noisy.set("rate", "0"), 0);
}

TEST_F(Lifecycle, TheModuleMayGoAndComeBackWhileTheDaemonRuns)
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

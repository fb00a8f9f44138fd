// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A catch-up subscriber loses no event through a fault of the service.
#include <algorithm>
#include <csignal>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "fault.hpp"
#include "follower.hpp"
#include "service.hpp"
#include "sim.hpp"
#include "support/io.hpp"
#include "support/process.hpp"
#include "support/subscriber.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

using testing::HasSubstr;

/// A ring that holds all events of a test.
SimChannel::Settings deep_ring(unsigned depth, unsigned payload_size)
{
    SimChannel::Settings settings;
    settings.depth = depth;
    settings.payload_size = payload_size;
    settings.format = "u32 count; u8 rest[]";
    return settings;
}

/// Applies QuickFaults once for all tests of the program: it reloads systemd, which is slow.
class QuickFaultsEnvironment final : public testing::Environment {
public:
    void SetUp() override { quick_.emplace(); }
    void TearDown() override { quick_.reset(); }

private:
    std::optional<QuickFaults> quick_;
};

const testing::Environment* const kEnvironment = testing::AddGlobalTestEnvironment(new QuickFaultsEnvironment);

class Reliability : public testing::Test {
protected:
    static constexpr unsigned kDepth = 16384;

    explicit Reliability(const SimChannel::Settings& settings = deep_ring(kDepth, 16)) : channel_("one", settings)
    {
        if (!wait_for_channel("one"))
            throw std::runtime_error("the channel is not on the bus");
        follower_ = std::make_unique<FollowerProcess>("one");
    }

    void TearDown() override
    {
        if (HasFailure())
            std::cerr << shell("journalctl --no-pager -q -o short-monotonic -u drvbusd -u dbus -n 30").output;
    }

    /// Reads a property with busctl as another user: dbus-broker may disconnect any client of this user.
    static std::string property(const std::string& name)
    {
        return run({"runuser", "-u", "nobody", "-g", "drvbus", "--", "busctl", "get-property", "org.drvbus1",
                    channel_path("one"), "org.drvbus1.Channel", name})
            .output;
    }

    /// Emits `count` events, and waits until the daemon has published them.
    void publish(std::uint64_t count)
    {
        const std::uint64_t next = channel_.sysfs("events") + count + 1;
        ASSERT_EQ(channel_.burst(count), 0);
        ASSERT_TRUE(wait_until([&] { return next_sequence("one") == next; })) << next_sequence("one");
    }

    /// Expects that the daemon published all events that the kernel counts, and that the subscriber received each.
    void expect_all_delivered()
    {
        EXPECT_EQ(channel_.set("rate", "0"), 0);
        const std::uint64_t events = channel_.sysfs("events");
        ASSERT_TRUE(follower_->wait_for(events + 1)) << follower_->last().next() << " of " << events << "\n"
                                                     << follower_->errors();
        EXPECT_EQ(follower_->last().delivered, events);
        EXPECT_EQ(follower_->last().lost, 0U);
        EXPECT_EQ(follower_->instances().size(), 1U);
        const Subscriber subscriber("one");
        EXPECT_TRUE(wait_until([&] { return subscriber.channel().EventsPublished() == events; }))
            << subscriber.channel().EventsPublished() << " of " << events << ", lost "
            << subscriber.channel().EventsLost();
        EXPECT_EQ(subscriber.channel().EventsLost(), 0U);
    }

    SimChannel channel_;
    std::unique_ptr<FollowerProcess> follower_;
};

/// Events so large that a few fill the queues of the bus.
class LargeEvents : public Reliability {
protected:
    LargeEvents() : Reliability(deep_ring(4096, 1024)) {}
};

class EachFault : public Reliability, public testing::WithParamInterface<Fault> {};

TEST_P(EachFault, LosesNoEvent)
{
    // At this rate the ring does not overrun within the time limit of a fault.
    ASSERT_EQ(channel_.set("rate", std::to_string(kDepth / kLimit.count())), 0);
    for (int times = 0; times < 2; ++times) {
        ASSERT_EQ(channel_.burst(100), 0);
        ASSERT_TRUE(follower_->wait_for(channel_.sysfs("events"))) << follower_->errors();
        inject(GetParam());
    }
    expect_all_delivered();
    // A daemon that reads the ring from its beginning again would repeat all events.
    EXPECT_LT(follower_->repeats(), 100U);
}

INSTANTIATE_TEST_SUITE_P(Faults, EachFault, testing::ValuesIn(all_faults()), testing::PrintToStringParamName());

TEST_F(Reliability, RestartDoesNotPublishEventsAgain)
{
    ASSERT_EQ(channel_.burst(300), 0);
    ASSERT_TRUE(follower_->wait_for(301));
    const Subscriber subscriber("one");
    ASSERT_TRUE(wait_until([&] { return subscriber.channel().EventsPublished() == 300; }));
    inject(Fault::kill);
    ASSERT_TRUE(wait_for_channel("one"));
    ASSERT_EQ(channel_.burst(1), 0);
    ASSERT_TRUE(subscriber.wait(
        [](const Received& received) { return !received.events.empty() && received.events.back().sequence == 301; }));
    // The killed daemon may not have committed the last event that it published.
    EXPECT_LE(subscriber.received().events.size(), 2U);
    expect_all_delivered();
}

TEST_F(Reliability, OverrunsAreCountedAcrossARestart)
{
    constexpr unsigned kSmall = 64;
    const SimChannel small("small", deep_ring(kSmall, 16));
    ASSERT_TRUE(wait_for_channel("small"));
    FollowerProcess follower("small");
    ASSERT_EQ(small.burst(50), 0);
    ASSERT_TRUE(follower.wait_for(51));
    {
        const StoppedDaemon stopped;
        ASSERT_EQ(small.burst(5000), 0);
        inject(Fault::kill);
    }
    ASSERT_TRUE(follower.wait_for(5051)) << follower.last().next();
    const Subscriber subscriber("small");
    ASSERT_TRUE(wait_until([&] { return subscriber.channel().NextSequence() == 5051; }));
    EXPECT_EQ(subscriber.channel().EventsPublished() + subscriber.channel().EventsLost(), small.sysfs("events"));
    EXPECT_EQ(subscriber.channel().EventsLost(), 5000U - kSmall);
    EXPECT_EQ(follower.last().lost, subscriber.channel().EventsLost());
}

TEST_F(Reliability, PythonFollowerReceivesEveryEventAfterEachFault)
{
    follower_ = std::make_unique<FollowerProcess>(std::vector<std::string>{"python3", "../examples/follow.py"}, "one");
    // On an emulated processor Python is slow: at a rate of 100 it falls behind.
    ASSERT_EQ(channel_.set("rate", "20"), 0);
    for (const Fault fault : {Fault::kill, Fault::bus}) {
        ASSERT_EQ(channel_.burst(20), 0);
        ASSERT_TRUE(follower_->wait_for(channel_.sysfs("events"))) << follower_->errors();
        inject(fault);
    }
    ASSERT_EQ(channel_.set("rate", "0"), 0);
    ASSERT_TRUE(follower_->wait_for(channel_.sysfs("events") + 1)) << follower_->errors();
    follower_->process().stop();
    ASSERT_NO_FATAL_FAILURE(publish(600));
    follower_->process().resume();
    expect_all_delivered();
}

/// All processes of the system bus: dbus-broker is a child of its launcher, which is the main process of the unit.
std::vector<pid_t> processes_of_bus()
{
    const std::string cgroup = read_file("/proc/" + std::to_string(main_process("dbus.service")) + "/cgroup");
    const std::size_t begin = cgroup.find("::") + 2;
    std::istringstream pids(
        read_file("/sys/fs/cgroup" + cgroup.substr(begin, cgroup.find('\n', begin) - begin) + "/cgroup.procs"));
    return {std::istream_iterator<pid_t>(pids), {}};
}

TEST_F(LargeEvents, StayInTheRingWhileTheBusIsStopped)
{
    ASSERT_EQ(channel_.burst(10), 0);
    ASSERT_TRUE(follower_->wait_for(11));
    const std::string process = "/proc/" + std::to_string(daemon_pid());
    const std::vector<pid_t> bus = processes_of_bus();
    ASSERT_FALSE(bus.empty());
    const std::vector<UniqueFd> streams = sockets_of(daemon_pid(), SO_TYPE, SOCK_STREAM);  // the bus, the journal
    const auto is_full = [](const UniqueFd& stream) {
        int unsent = 0;
        return ioctl(stream.get(), TIOCOUTQ, &unsent) == 0 && unsent > 50000;
    };
    ASSERT_EQ(write_file(process + "/clear_refs", "5"), 0) << "this resets VmHWM, see proc(5)";
    const std::uint64_t before = sum_of("VmHWM:", process + "/status");
    for (const pid_t pid : bus)
        kill(pid, SIGSTOP);
    // More than the sockets hold, and less than the ring holds.
    EXPECT_EQ(channel_.burst(3000), 0);
    // The daemon fills the socket, then waits.
    EXPECT_TRUE(wait_until([&] {
        return std::ranges::any_of(streams, is_full) &&
               read_file(process + "/status").find("State:\tS") != std::string::npos;
    }));
    for (const pid_t pid : bus)
        kill(pid, SIGCONT);
    expect_all_delivered();
    EXPECT_LT(sum_of("VmHWM:", process + "/status"), before + 2048)
        << "KiB; the daemon has to leave events in the ring while the bus accepts none";
}

TEST_F(LargeEvents, AreFetchedAfterTheBusDroppedMessages)
{
    constexpr std::uint64_t kEvents = 3000;
    follower_->process().stop();
    const std::uint64_t fetched = follower_->fetched();
    const std::uint64_t signals = follower_->signals();
    // The bus queues 256 KiB for a subscriber that does not read, or 2 MiB for all of its user.
    ASSERT_NO_FATAL_FAILURE(publish(kEvents));
    follower_->process().resume();
    expect_all_delivered();
    EXPECT_TRUE(wait_until([&] {
        follower_->read();
        return follower_->fetched() > fetched + 500;
    }));
    EXPECT_LT(follower_->signals() - signals, kEvents - 500)
        << "the bus dropped no message, so this test showed nothing";
}

TEST_F(Reliability, RemovedChannelIsDrained)
{
    ASSERT_EQ(channel_.burst(100), 0);
    ASSERT_TRUE(follower_->wait_for(101));
    for (std::uint64_t instance = 1; instance <= 3; ++instance) {
        ASSERT_EQ(channel_.burst(200), 0);  // fewer than the bus queues for a subscriber
        ASSERT_EQ(channel_.live(false), 0);
        ASSERT_EQ(channel_.live(true), 0);
        ASSERT_EQ(channel_.burst(10), 0);
        ASSERT_TRUE(wait_until([&] {
            follower_->read();
            return follower_->instances().size() == instance + 1 && follower_->last().next() == 11;
        })) << follower_->instances().size()
            << " instances, at " << follower_->last().next();
        EXPECT_EQ(follower_->instances().at(instance - 1).delivered, instance == 1 ? 300U : 210U);
        EXPECT_EQ(follower_->instances().at(instance - 1).lost, 0U);
    }
}

TEST_F(LargeEvents, OfARemovedInstanceAreCountedAsLostWhenMissed)
{
    constexpr std::uint64_t kEvents = 1500;
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"../examples/drvbus-follow"}, {"python3", "../examples/follow.py"}}) {
        SCOPED_TRACE(command.back());
        ASSERT_EQ(channel_.burst(10), 0);
        follower_ = std::make_unique<FollowerProcess>(command, "one");
        ASSERT_TRUE(follower_->wait_for(channel_.sysfs("events") + 1));
        follower_->process().stop();
        ASSERT_NO_FATAL_FAILURE(publish(kEvents));
        const std::uint64_t events = channel_.sysfs("events");
        const std::string next = std::to_string(events + 1) + "\n";
        const std::string instance = property("Instance");  // "t N"
        inject(Fault::bus);                                 // the messages queued for the subscriber are lost
        ASSERT_EQ(channel_.live(false), 0);
        ASSERT_TRUE(wait_for_no_channel("one"));
        ASSERT_EQ(channel_.live(true), 0);
        ASSERT_EQ(channel_.burst(1), 0);
        ASSERT_TRUE(wait_for_channel("one"));
        EXPECT_EQ(property("Previous"), "(tt) " + instance.substr(2, instance.size() - 3) + " " + next);
        follower_->process().resume();
        ASSERT_TRUE(wait_until([&] {
            follower_->read();
            return follower_->instances().size() == 2 && follower_->last().next() == 2;
        })) << follower_->errors();
        const Followed& old = follower_->instances().front();
        EXPECT_EQ(old.next(), events + 1);
        EXPECT_GT(old.lost, kEvents / 2) << "the subscriber missed too few events, so this test showed nothing";
        EXPECT_TRUE(old.complete);
    }
}

TEST_F(Reliability, GetEventsIsForGroupMembersOnly)
{
    ASSERT_EQ(channel_.burst(3), 0);
    ASSERT_TRUE(follower_->wait_for(4));
    const std::string call = "busctl call org.drvbus1 " + channel_path("one") + " org.drvbus1.Channel GetEvents tu 1 0";
    EXPECT_THAT(run({"runuser", "-u", "nobody", "-g", "drvbus", "--", "sh", "-c", call}).output,
                HasSubstr("a(sttuv)tbtt 3 "));
    for (const char* const since : {"9223372036854775808", "18446744073709551615"}) {
        const std::string beyond =
            "busctl call org.drvbus1 " + channel_path("one") + " org.drvbus1.Channel GetEvents tu " + since + " 0";
        EXPECT_THAT(shell(beyond + " 2>&1").output, HasSubstr("there is no event"));
    }
    const Result other = run({"runuser", "-u", "nobody", "--", "sh", "-c", call});
    EXPECT_NE(other.status, 0);
    EXPECT_THAT(other.output, HasSubstr("denied"));
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The eventfd that a client registers.
#include <cerrno>
#include <list>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kmod_node.hpp"
#include "sim.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

class KmodEventfd : public testing::Test {};

SimChannel::Settings depth(unsigned depth)
{
    SimChannel::Settings settings;
    settings.depth = depth;
    settings.payload_size = 4;
    return settings;
}

TEST_F(KmodEventfd, SemaphoreCountsEachEvent)
{
    SimChannel channel("eventfd", depth(16));
    const Node node(channel);
    const UniqueFd semaphore = make_eventfd(EFD_SEMAPHORE);
    ASSERT_EQ(node.set_eventfd(semaphore.get()), 0);
    // More events than the ring stores: overwritten events are counted, too.
    ASSERT_EQ(channel.burst(100), 0);
    ASSERT_EQ(channel.emit(1, "", true), 0);

    for (int i = 0; i < 101; ++i)
        ASSERT_EQ(read_counter(semaphore.get()), 1U) << i;
    EXPECT_EQ(read_counter(semaphore.get()), 0U);
}

TEST_F(KmodEventfd, RegistrationCountsReadableEvents)
{
    SimChannel channel("eventfd", depth(4));
    const Node node(channel);
    const UniqueFd eventfd = make_eventfd();
    ASSERT_EQ(channel.burst(3), 0);
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    EXPECT_EQ(read_counter(eventfd.get()), 3U);

    ASSERT_EQ(node.seek(2, SEEK_SET), 2);
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    EXPECT_EQ(read_counter(eventfd.get()), 2U) << "two events are at or after the position";
    ASSERT_EQ(node.seek(0, SEEK_END), 4);
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    EXPECT_EQ(read_counter(eventfd.get()), 0U);

    ASSERT_EQ(node.seek(0, SEEK_SET), 1);
    ASSERT_EQ(channel.burst(10), 0);
    ASSERT_EQ(read_counter(eventfd.get()), 10U);
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    EXPECT_EQ(read_counter(eventfd.get()), 4U) << "the other events were overwritten";
}

TEST_F(KmodEventfd, SecondRegistrationReplacesTheFirst)
{
    SimChannel channel("eventfd", depth(4));
    const Node node(channel);
    const UniqueFd first = make_eventfd();
    const UniqueFd second = make_eventfd();
    ASSERT_EQ(node.set_eventfd(first.get()), 0);
    ASSERT_EQ(channel.burst(2), 0);
    ASSERT_EQ(node.set_eventfd(second.get()), 0);
    ASSERT_EQ(channel.burst(1), 0);

    EXPECT_EQ(read_counter(first.get()), 2U);
    EXPECT_EQ(read_counter(second.get()), 3U);
}

TEST_F(KmodEventfd, MinusOneUnregistersTheEventfd)
{
    SimChannel channel("eventfd", depth(4));
    const Node node(channel);
    EXPECT_EQ(node.set_eventfd(-1), 0) << "no eventfd is registered";
    const UniqueFd eventfd = make_eventfd();
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    ASSERT_EQ(channel.burst(2), 0);
    ASSERT_EQ(node.set_eventfd(-1), 0);
    ASSERT_EQ(channel.burst(1), 0);

    EXPECT_EQ(read_counter(eventfd.get()), 2U);
}

TEST_F(KmodEventfd, FailedRegistrationKeepsTheOldEventfd)
{
    SimChannel channel("eventfd", depth(4));
    const Node node(channel);
    const UniqueFd eventfd = make_eventfd();
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    ASSERT_EQ(node.set_eventfd(node.fd()), EINVAL);
    ASSERT_EQ(channel.burst(1), 0);

    EXPECT_EQ(read_counter(eventfd.get()), 1U);
}

TEST_F(KmodEventfd, EachClientHasItsOwnEventfd)
{
    SimChannel channel("eventfd", depth(4));
    const Node first(channel);
    const Node second(channel);
    const UniqueFd own = make_eventfd();
    const UniqueFd shared = make_eventfd();
    const Node third(channel);
    ASSERT_EQ(first.set_eventfd(own.get()), 0);
    ASSERT_EQ(second.set_eventfd(shared.get()), 0);
    ASSERT_EQ(third.set_eventfd(shared.get()), 0);
    ASSERT_EQ(channel.burst(3), 0);

    EXPECT_EQ(read_counter(own.get()), 3U);
    EXPECT_EQ(read_counter(shared.get()), 6U);
}

TEST_F(KmodEventfd, EventfdMayBeClosedBeforeTheNode)
{
    SimChannel channel("eventfd", depth(4));
    const Node node(channel);
    UniqueFd eventfd = make_eventfd();
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    eventfd.reset();
    ASSERT_EQ(channel.burst(2), 0);

    EXPECT_EQ(sequences(node.read()), sequences(1, 2));
}

TEST_F(KmodEventfd, ClosedNodeNoLongerCounts)
{
    SimChannel channel("eventfd", depth(4));
    Node node(channel);
    const UniqueFd eventfd = make_eventfd();
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    ASSERT_EQ(channel.burst(2), 0);
    node.close();
    ASSERT_EQ(channel.burst(1), 0);
    ASSERT_EQ(channel.remove(), 0);

    EXPECT_EQ(read_counter(eventfd.get()), 2U);
}

TEST_F(KmodEventfd, RemovalOfTheChannelIsCounted)
{
    SimChannel channel("eventfd", depth(4));
    const Node node(channel);
    const UniqueFd eventfd = make_eventfd();
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    ASSERT_EQ(channel.burst(2), 0);
    ASSERT_EQ(channel.remove(), 0);

    EXPECT_EQ(read_counter(eventfd.get()), 3U);
    EXPECT_EQ(node.set_eventfd(eventfd.get()), ENODEV);
    EXPECT_EQ(node.set_eventfd(-1), 0);
}

TEST_F(KmodEventfd, EventWakesAReadOfTheEventfd)
{
    SimChannel channel("eventfd", depth(4));
    const Node node(channel);
    const UniqueFd eventfd(::eventfd(0, EFD_CLOEXEC));
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    std::uint64_t count = 0;
    Caller waiter([&] { count = read_counter(eventfd.get()); });
    ASSERT_TRUE(waiter.blocks_in(SYS_read));
    ASSERT_EQ(channel.emit(1), 0);
    waiter.join();

    EXPECT_EQ(count, 1U);
}

TEST_F(KmodEventfd, EventDuringRegistrationIsCountedOnce)
{
    constexpr std::uint64_t kEvents = 30'000;
    constexpr std::size_t kMinClients = 20;
    SimChannel channel("eventfd", depth(65'536));
    std::list<std::pair<Node, UniqueFd>> clients;
    int error = -1;
    {
        // Each client starts at the first event, so its eventfd must count all events, whenever it registers. The
        // driver emits until enough clients have registered.
        std::atomic<bool> enough = false;
        const Caller driver([&] {
            while (!enough && error <= 0 && channel.sysfs("events") < kEvents)
                error = channel.burst(kEvents / 30);
        });
        ASSERT_TRUE(wait_until([&] { return channel.sysfs("events") > 0; })) << "the driver emits nothing";
        while (clients.size() < kMinClients) {
            clients.emplace_back(Node(channel), make_eventfd());
            ASSERT_EQ(clients.back().first.set_eventfd(clients.back().second.get()), 0);
        }
        enough = true;
    }
    ASSERT_EQ(error, 0);

    const std::uint64_t emitted = channel.sysfs("events");
    ASSERT_EQ(channel.sysfs("overwritten"), 0U);
    for (const auto& [node, eventfd] : clients)
        EXPECT_EQ(read_counter(eventfd.get()), emitted);
}

}  // namespace
}  // namespace drvbus::test

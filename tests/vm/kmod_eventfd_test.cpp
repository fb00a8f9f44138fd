// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The eventfd that a reader hands over.
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

TEST_F(KmodEventfd, ASemaphoreCountsEachEvent)
{
    SimChannel channel("eventfd", depth(16));
    const Node node(channel);
    const UniqueFd semaphore = make_eventfd(EFD_SEMAPHORE);
    ASSERT_EQ(node.set_eventfd(semaphore.get()), 0);
    // More than the ring holds: it counts events, not what is left of them.
    ASSERT_EQ(channel.burst(100), 0);
    ASSERT_EQ(channel.emit(1, "", true), 0);

    for (int i = 0; i < 101; ++i)
        ASSERT_EQ(take(semaphore.get()), 1U) << i;
    EXPECT_EQ(take(semaphore.get()), 0U);
}

TEST_F(KmodEventfd, AtRegistrationItCountsWhatIsThereToRead)
{
    SimChannel channel("eventfd", depth(4));
    const Node node(channel);
    const UniqueFd eventfd = make_eventfd();
    ASSERT_EQ(channel.burst(3), 0);
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    EXPECT_EQ(take(eventfd.get()), 3U);

    ASSERT_EQ(node.seek(2, SEEK_SET), 2);
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    EXPECT_EQ(take(eventfd.get()), 2U) << "two are at or after the position";
    ASSERT_EQ(node.seek(0, SEEK_END), 4);
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    EXPECT_EQ(take(eventfd.get()), 0U);

    ASSERT_EQ(node.seek(0, SEEK_SET), 1);
    ASSERT_EQ(channel.burst(10), 0);
    ASSERT_EQ(take(eventfd.get()), 10U);
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    EXPECT_EQ(take(eventfd.get()), 4U) << "the others are overwritten";
}

TEST_F(KmodEventfd, ANewOneReplacesTheOld)
{
    SimChannel channel("eventfd", depth(4));
    const Node node(channel);
    const UniqueFd first = make_eventfd();
    const UniqueFd second = make_eventfd();
    ASSERT_EQ(node.set_eventfd(first.get()), 0);
    ASSERT_EQ(channel.burst(2), 0);
    ASSERT_EQ(node.set_eventfd(second.get()), 0);
    ASSERT_EQ(channel.burst(1), 0);

    EXPECT_EQ(take(first.get()), 2U);
    EXPECT_EQ(take(second.get()), 3U);
}

TEST_F(KmodEventfd, MinusOneTakesItBack)
{
    SimChannel channel("eventfd", depth(4));
    const Node node(channel);
    EXPECT_EQ(node.set_eventfd(-1), 0) << "there is none to take back";
    const UniqueFd eventfd = make_eventfd();
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    ASSERT_EQ(channel.burst(2), 0);
    ASSERT_EQ(node.set_eventfd(-1), 0);
    ASSERT_EQ(channel.burst(1), 0);

    EXPECT_EQ(take(eventfd.get()), 2U);
}

TEST_F(KmodEventfd, ARefusedOneLeavesTheOldInPlace)
{
    SimChannel channel("eventfd", depth(4));
    const Node node(channel);
    const UniqueFd eventfd = make_eventfd();
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    ASSERT_EQ(node.set_eventfd(node.fd()), EINVAL);
    ASSERT_EQ(channel.burst(1), 0);

    EXPECT_EQ(take(eventfd.get()), 1U);
}

TEST_F(KmodEventfd, EachReaderHasItsOwn)
{
    SimChannel channel("eventfd", depth(4));
    const Node first(channel);
    const Node second(channel);
    const UniqueFd theirs = make_eventfd();
    const UniqueFd shared = make_eventfd();
    const Node third(channel);
    ASSERT_EQ(first.set_eventfd(theirs.get()), 0);
    ASSERT_EQ(second.set_eventfd(shared.get()), 0);
    ASSERT_EQ(third.set_eventfd(shared.get()), 0);
    ASSERT_EQ(channel.burst(3), 0);

    EXPECT_EQ(take(theirs.get()), 3U);
    EXPECT_EQ(take(shared.get()), 6U);
}

TEST_F(KmodEventfd, ClosedBeforeTheNodeItIsStillCountedOn)
{
    SimChannel channel("eventfd", depth(4));
    const Node node(channel);
    UniqueFd eventfd = make_eventfd();
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    eventfd.reset();
    ASSERT_EQ(channel.burst(2), 0);

    EXPECT_EQ(sequences(node.read()), sequences(1, 2));
}

TEST_F(KmodEventfd, AfterTheNodeIsClosedNothingCounts)
{
    SimChannel channel("eventfd", depth(4));
    Node node(channel);
    const UniqueFd eventfd = make_eventfd();
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    ASSERT_EQ(channel.burst(2), 0);
    node.close();
    ASSERT_EQ(channel.burst(1), 0);
    ASSERT_EQ(channel.remove(), 0);

    EXPECT_EQ(take(eventfd.get()), 2U);
}

TEST_F(KmodEventfd, ItTellsThatTheChannelIsGone)
{
    SimChannel channel("eventfd", depth(4));
    const Node node(channel);
    const UniqueFd eventfd = make_eventfd();
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    ASSERT_EQ(channel.burst(2), 0);
    ASSERT_EQ(channel.remove(), 0);

    EXPECT_EQ(take(eventfd.get()), 3U);
    EXPECT_EQ(node.set_eventfd(eventfd.get()), ENODEV);
    EXPECT_EQ(node.set_eventfd(-1), 0);
}

TEST_F(KmodEventfd, AWaitForItIsWoken)
{
    SimChannel channel("eventfd", depth(4));
    const Node node(channel);
    const UniqueFd eventfd(::eventfd(0, EFD_CLOEXEC));
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    std::uint64_t count = 0;
    Caller waiter([&] { count = take(eventfd.get()); });
    ASSERT_TRUE(waiter.blocks_in(SYS_read));
    ASSERT_EQ(channel.emit(1), 0);
    waiter.join();

    EXPECT_EQ(count, 1U);
}

TEST_F(KmodEventfd, AnEventDuringRegistrationIsCountedExactlyOnce)
{
    constexpr std::uint64_t kEvents = 30'000;
    constexpr std::size_t kReadersAtLeast = 20;
    SimChannel channel("eventfd", depth(65'536));
    std::list<std::pair<Node, UniqueFd>> readers;
    int error = -1;
    {
        // Each opens at the first event, so that each is owed all of them, whenever it registers. The burst
        // goes on until enough have done so while it ran.
        std::atomic<bool> enough = false;
        const Caller driver([&] {
            while (!enough && error <= 0 && channel.sysfs("events") < kEvents)
                error = channel.burst(kEvents / 30);
        });
        while (readers.size() < kReadersAtLeast) {
            readers.emplace_back(Node(channel), make_eventfd());
            ASSERT_EQ(readers.back().first.set_eventfd(readers.back().second.get()), 0);
        }
        enough = true;
    }
    ASSERT_EQ(error, 0);

    const std::uint64_t emitted = channel.sysfs("events");
    ASSERT_EQ(channel.sysfs("overwritten"), 0U);
    for (const auto& [node, eventfd] : readers)
        EXPECT_EQ(take(eventfd.get()), emitted);
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Reading of a channel's node: read, pread, lseek, poll, DRVBUS_IOC_INFO.
#include <cerrno>
#include <csignal>
#include <ctime>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kmod_node.hpp"
#include "sim.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

constexpr std::size_t kHeader = sizeof(drvbus_record);

class KmodNode : public testing::Test {};

SimChannel::Settings depth(unsigned depth)
{
    SimChannel::Settings settings;
    settings.depth = depth;
    settings.payload_size = 8;
    return settings;
}

std::uint64_t now()
{
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(time.tv_nsec);
}

TEST_F(KmodNode, RecordContainsTheEmittedEvent)
{
    SimChannel channel("node", depth(1));
    const std::uint64_t before = now();
    ASSERT_EQ(channel.emit(7, "ffffffffffffffff"), 0);
    ASSERT_EQ(channel.emit(4294967295U, "0102030405", true), 0);
    const std::uint64_t after = now();

    // The second event has overwritten the longer first one. parse_records() checks that the padding is zero.
    const auto records = Node(channel).read();
    ASSERT_EQ(records.size(), 1U);
    const NodeRecord& record = records.front();
    EXPECT_EQ(record.sequence, 2U);
    EXPECT_GE(record.time_ns, before);
    EXPECT_LE(record.time_ns, after);
    EXPECT_EQ(record.id, 4294967295U);
    EXPECT_EQ(record.flags, DRVBUS_EVENT_URGENT);
    EXPECT_EQ(record.payload, "\x01\x02\x03\x04\x05");
}

TEST_F(KmodNode, OpenStartsAtTheOldestEvent)
{
    SimChannel channel("node", depth(4));
    const Node early(channel);
    ASSERT_EQ(channel.burst(10), 0);

    EXPECT_EQ(sequences(early.read()), sequences(7, 10));
    EXPECT_EQ(sequences(Node(channel).read()), sequences(7, 10));
}

TEST_F(KmodNode, OverrunIsAGapInTheSequence)
{
    SimChannel channel("node", depth(4));
    const Node node(channel);
    ASSERT_EQ(channel.burst(2), 0);
    ASSERT_EQ(sequences(node.read()), sequences(1, 2));
    ASSERT_EQ(channel.burst(7), 0);

    EXPECT_EQ(sequences(node.read()), sequences(6, 9));
}

TEST_F(KmodNode, ReadReturnsAsManyCompleteRecordsAsFit)
{
    SimChannel channel("node", depth(8));
    const Node node(channel);
    for (int i = 0; i < 4; ++i)
        ASSERT_EQ(channel.emit(1, "0102030405060708"), 0);
    constexpr std::size_t kRecord = kHeader + 8;

    EXPECT_EQ(sequences(node.read(3 * kRecord - 1)), sequences(1, 2));
    EXPECT_EQ(sequences(node.read(kRecord)), sequences(3, 3));
    EXPECT_EQ(sequences(node.read(kRecord + kHeader)), sequences(4, 4));
}

TEST_F(KmodNode, ReadIntoATooSmallBufferLosesNoEvent)
{
    SimChannel channel("node", depth(8));
    const Node node(channel);
    EXPECT_EQ(node.read_error(kHeader - 1), EINVAL) << "without an event";
    EXPECT_EQ(node.read_error(0), EINVAL);
    ASSERT_EQ(channel.emit(1, "01"), 0);

    EXPECT_EQ(node.read_error(kHeader - 1), EINVAL) << "smaller than a header";
    EXPECT_EQ(node.read_error(kHeader), EINVAL) << "smaller than the record";
    EXPECT_EQ(node.read_error(kHeader + 7), EINVAL) << "smaller than the padded record";
    EXPECT_EQ(node.pread_error(1, kHeader + 7), EINVAL);
    EXPECT_EQ(sequences(node.read(kHeader + 8)), sequences(1, 1));
}

TEST_F(KmodNode, ReadOfADrainedChannelFailsWithEagain)
{
    SimChannel channel("node", depth(8));
    const Node node(channel);
    EXPECT_EQ(node.read_error(), EAGAIN);
    EXPECT_EQ(node.pread_error(0), EAGAIN);
    EXPECT_EQ(node.pread_error(1), EAGAIN);

    ASSERT_EQ(channel.burst(2), 0);
    ASSERT_EQ(sequences(node.read()), sequences(1, 2));
    EXPECT_EQ(node.read_error(), EAGAIN);
    EXPECT_EQ(node.pread_error(3), EAGAIN);
    EXPECT_EQ(node.pread_error(1000), EAGAIN) << "far ahead of the next event";
}

TEST_F(KmodNode, EachClientGetsEveryEvent)
{
    SimChannel channel("node", depth(128));
    const Node first(channel);
    const Node second(channel);
    ASSERT_EQ(channel.burst(100), 0);

    EXPECT_EQ(sequences(first.read()), sequences(1, 100));
    EXPECT_EQ(sequences(second.read()), sequences(1, 100));
}

TEST_F(KmodNode, PreadReadsAtASequenceAndDoesNotMoveThePosition)
{
    SimChannel channel("node", depth(4));
    const Node node(channel);
    ASSERT_EQ(channel.burst(10), 0);

    EXPECT_EQ(sequences(node.pread(9)), sequences(9, 10));
    EXPECT_EQ(sequences(node.pread(8, kHeader + 8)), sequences(8, 8));
    EXPECT_EQ(sequences(node.pread(0)), sequences(7, 10)) << "from the oldest event";
    EXPECT_EQ(sequences(node.pread(2)), sequences(7, 10)) << "overwritten, so from the oldest event";
    EXPECT_EQ(sequences(node.read()), sequences(7, 10)) << "the position has not moved";
}

TEST_F(KmodNode, LseekMovesThePosition)
{
    SimChannel channel("node", depth(4));
    const Node node(channel);
    EXPECT_EQ(node.seek(0, SEEK_SET), 1) << "without an event, the oldest is the next one";
    EXPECT_EQ(node.seek(0, SEEK_END), 1);
    ASSERT_EQ(channel.burst(10), 0);

    EXPECT_EQ(node.seek(9, SEEK_SET), 9);
    EXPECT_EQ(sequences(node.read(kHeader + 8)), sequences(9, 9));
    EXPECT_EQ(node.seek(0, SEEK_CUR), 10);
    EXPECT_EQ(node.seek(-2, SEEK_CUR), 8);
    EXPECT_EQ(sequences(node.read()), sequences(8, 10));
    EXPECT_EQ(node.seek(0, SEEK_SET), 7) << "the oldest event";
    EXPECT_EQ(sequences(node.read()), sequences(7, 10));
    EXPECT_EQ(node.seek(-1, SEEK_END), 10);
    EXPECT_EQ(sequences(node.read()), sequences(10, 10));
    EXPECT_EQ(node.seek(3, SEEK_SET), 3) << "overwritten: the client must see the gap";
    EXPECT_EQ(sequences(node.read()), sequences(7, 10));

    EXPECT_EQ(node.seek(0, SEEK_SET), 7);
    EXPECT_EQ(node.seek(0, SEEK_END), 11) << "only future events";
    EXPECT_EQ(node.read_error(), EAGAIN);
    ASSERT_EQ(channel.burst(1), 0);
    EXPECT_EQ(sequences(node.read()), sequences(11, 11));
}

TEST_F(KmodNode, PollReportsReadableAndUrgentEvents)
{
    SimChannel channel("node", depth(4));
    const Node node(channel);
    EXPECT_EQ(node.poll(), 0);
    ASSERT_EQ(channel.emit(1), 0);
    EXPECT_EQ(node.poll(), POLLIN);
    ASSERT_EQ(channel.emit(1, "", true), 0);
    ASSERT_EQ(channel.emit(1), 0);
    EXPECT_EQ(node.poll(), POLLIN | POLLPRI);

    ASSERT_EQ(sequences(node.read(2 * kHeader)), sequences(1, 2));
    EXPECT_EQ(node.poll(), POLLIN) << "the urgent one has been read";
    ASSERT_EQ(node.seek(2, SEEK_SET), 2);
    EXPECT_EQ(node.poll(), POLLIN | POLLPRI) << "the urgent one can be read again";
    ASSERT_EQ(channel.burst(4), 0);
    EXPECT_EQ(node.poll(), POLLIN) << "the urgent one is overwritten";
    ASSERT_EQ(sequences(node.read()), sequences(4, 7));
    EXPECT_EQ(node.poll(), 0);
}

TEST_F(KmodNode, InfoDescribesTheRing)
{
    SimChannel channel("node", depth(4));
    const Node node(channel);
    drvbus_info info = node.info();
    EXPECT_EQ(info.abi_version, 1U);
    EXPECT_EQ(info.depth, 4U);
    EXPECT_EQ(info.payload_size, 8U);
    EXPECT_EQ(info.reserved, 0U);
    EXPECT_EQ(info.oldest_sequence, 1U);
    EXPECT_EQ(info.next_sequence, 1U);
    EXPECT_EQ(info.overwritten, 0U);

    ASSERT_EQ(channel.burst(10), 0);
    info = node.info();
    EXPECT_EQ(info.oldest_sequence, 7U);
    EXPECT_EQ(info.next_sequence, 11U);
    EXPECT_EQ(info.overwritten, 6U);
}

TEST_F(KmodNode, RecreatedChannelHasAnotherInstance)
{
    SimChannel channel("node", depth(4));
    const Node first(channel);
    const std::uint64_t instance = first.info().instance;
    ASSERT_EQ(channel.burst(5), 0);
    EXPECT_EQ(first.info().instance, instance) << "events do not change it";
    EXPECT_EQ(Node(channel).info().instance, instance);

    ASSERT_EQ(channel.live(false), 0);
    ASSERT_EQ(channel.live(true), 0);
    EXPECT_NE(Node(channel).info().instance, instance);
    EXPECT_EQ(first.info().instance, instance) << "of the removed channel";
}

TEST_F(KmodNode, BlockedReadIsWokenByAnEvent)
{
    SimChannel channel("node", depth(4));
    const Node node(channel, 0);
    std::vector<NodeRecord> records;
    Caller reader([&] { records = node.read(); });
    ASSERT_TRUE(reader.blocks_in(SYS_read));
    ASSERT_EQ(channel.emit(5), 0);
    reader.join();

    EXPECT_EQ(sequences(records), sequences(1, 1));
}

TEST_F(KmodNode, BlockedPreadWaitsForItsSequence)
{
    SimChannel channel("node", depth(4));
    const Node node(channel, 0);
    std::vector<NodeRecord> records;
    Caller reader([&] { records = node.pread(3); });
    ASSERT_TRUE(reader.blocks_in(SYS_pread64));
    ASSERT_EQ(channel.burst(2), 0);
    ASSERT_TRUE(reader.blocks_in(SYS_pread64));
    ASSERT_EQ(channel.burst(1), 0);
    reader.join();

    EXPECT_EQ(sequences(records), sequences(3, 3));
    EXPECT_EQ(sequences(node.read()), sequences(1, 3));
}

TEST_F(KmodNode, BlockedReadIsInterruptedByASignal)
{
    struct sigaction action = {};
    action.sa_handler = [](int) {};
    struct sigaction old = {};
    ASSERT_EQ(sigaction(SIGUSR1, &action, &old), 0);
    SimChannel channel("node", depth(4));
    const Node node(channel, 0);
    int error = 0;
    Caller reader([&] { error = node.read_error(); });
    ASSERT_TRUE(reader.blocks_in(SYS_read));
    reader.interrupt(SIGUSR1);
    reader.join();
    ASSERT_EQ(sigaction(SIGUSR1, &old, nullptr), 0);

    EXPECT_EQ(error, EINTR);
}

TEST_F(KmodNode, BlockedReadDoesNotBlockLseekAndPread)
{
    SimChannel channel("node", depth(4));
    const Node node(channel, 0);
    ASSERT_EQ(channel.burst(1), 0);
    ASSERT_EQ(node.seek(0, SEEK_END), 2);
    std::vector<NodeRecord> records;
    Caller reader([&] { records = node.read(); });
    ASSERT_TRUE(reader.blocks_in(SYS_read));
    EXPECT_EQ(node.seek(0, SEEK_CUR), 2);
    EXPECT_EQ(sequences(node.pread(1)), sequences(1, 1));
    ASSERT_EQ(channel.burst(1), 0);
    reader.join();

    EXPECT_EQ(sequences(records), sequences(2, 2));
}

TEST_F(KmodNode, PollForUrgentEventsIsWokenByThemOnly)
{
    SimChannel channel("node", depth(4));
    const Node node(channel);
    pollfd entry{node.fd(), POLLPRI, 0};
    Caller poller([&] { ::poll(&entry, 1, -1); });
    ASSERT_TRUE(poller.blocks_in(SYS_poll));
    ASSERT_EQ(channel.emit(1), 0);
    ASSERT_TRUE(poller.blocks_in(SYS_poll));
    ASSERT_EQ(channel.emit(1, "", true), 0);
    poller.join();

    EXPECT_EQ(entry.revents, POLLPRI);
}

TEST_F(KmodNode, ThreadsThatShareAFileNeverGetTheSameEvent)
{
    constexpr std::uint64_t kEvents = 20'000;
    SimChannel channel("node", depth(32'768));
    const Node node(channel);
    ASSERT_EQ(channel.burst(kEvents), 0);

    const auto read_some = [&node](std::vector<std::uint64_t>& got) {
        while (node.poll() == POLLIN) {
            std::string buffer(2 * (kHeader + 8), '\0');
            const ssize_t size = ::read(node.fd(), buffer.data(), buffer.size());
            if (size < 0)
                return;
            for (const NodeRecord& record : parse_records({buffer.data(), static_cast<std::size_t>(size)}))
                got.push_back(record.sequence);
        }
    };
    std::vector<std::uint64_t> ours;
    std::vector<std::uint64_t> theirs;
    {
        const Caller other([&] { read_some(theirs); });
        read_some(ours);
    }

    EXPECT_TRUE(std::ranges::is_sorted(ours));
    EXPECT_TRUE(std::ranges::is_sorted(theirs));
    ours.insert(ours.end(), theirs.begin(), theirs.end());
    std::ranges::sort(ours);
    EXPECT_EQ(ours, sequences(1, kEvents));
}

}  // namespace
}  // namespace drvbus::test

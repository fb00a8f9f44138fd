// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Removal of a channel while processes have it open.
#include <cerrno>
#include <csignal>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kmod_node.hpp"
#include "sim.hpp"

namespace drvbus::test {
namespace {

class KmodRemoval : public testing::Test {};

/// Opens the inode that a client has open, even if its path no longer exists.
int reopen_error(const Node& node)
{
    const UniqueFd again(open(("/proc/self/fd/" + std::to_string(node.fd())).c_str(), O_RDONLY | O_CLOEXEC));
    return error_of(again.get());
}

TEST_F(KmodRemoval, ClientReadsTheRemainingEventsAndThenEndOfFile)
{
    SimChannel channel("removal");
    const Node node(channel);
    const Node blocking(channel, 0);
    ASSERT_EQ(channel.emit(1), 0);
    ASSERT_EQ(channel.emit(1, "", true), 0);
    ASSERT_EQ(channel.remove(), 0);

    EXPECT_EQ(node.poll(), POLLIN | POLLPRI | POLLHUP);
    EXPECT_EQ(sequences(node.read(sizeof(drvbus_record))), sequences(1, 1));
    EXPECT_EQ(sequences(node.read()), sequences(2, 2));
    EXPECT_EQ(node.poll(), POLLHUP);
    EXPECT_EQ(node.read_error(), -1) << "end of file";
    EXPECT_EQ(node.read_error(), -1) << "again";
    EXPECT_EQ(node.pread_error(3), -1);
    EXPECT_EQ(node.read_error(1), EINVAL) << "an invalid call still fails";

    EXPECT_EQ(sequences(blocking.read()), sequences(1, 2));
    EXPECT_EQ(blocking.read_error(), -1) << "a blocking read does not block";
}

TEST_F(KmodRemoval, DeviceNumberIsNotUsedAgainAtOnce)
{
    // A process that is about to open the node of a removed channel must not open the next channel.
    const auto device_number = [](const std::string& name) {
        const SimChannel channel(name);
        struct stat status {};
        EXPECT_EQ(stat(("/dev/drvbus/" + name).c_str(), &status), 0);
        return status.st_rdev;
    };
    EXPECT_NE(device_number("removal"), device_number("removal-next"));
}

TEST_F(KmodRemoval, OtherCallsStillWork)
{
    SimChannel channel("removal");
    const Node node(channel);
    ASSERT_EQ(channel.burst(3), 0);
    ASSERT_EQ(channel.remove(), 0);

    EXPECT_EQ(node.info().next_sequence, 4U);
    EXPECT_EQ(node.seek(0, SEEK_END), 4);
    EXPECT_EQ(node.seek(0, SEEK_SET), 1);
    EXPECT_EQ(sequences(node.pread(2)), sequences(2, 3));
    EXPECT_EQ(fcntl(node.fd(), F_SETFL, O_NONBLOCK | O_ASYNC), 0);
}

TEST_F(KmodRemoval, OpenAndRegistrationOfAnEventfdFail)
{
    SimChannel channel("removal");
    const Node node(channel);
    ASSERT_EQ(reopen_error(node), 0);
    ASSERT_EQ(channel.remove(), 0);

    EXPECT_EQ(reopen_error(node), ENODEV);
    EXPECT_EQ(error_of(open(channel.node().c_str(), O_RDONLY | O_CLOEXEC)), ENOENT);
    EXPECT_EQ(node.set_eventfd(make_eventfd().get()), ENODEV);
}

TEST_F(KmodRemoval, BlockedReadReturnsEndOfFile)
{
    SimChannel channel("removal");
    const Node node(channel, 0);
    int error = 0;
    Caller reader([&] { error = node.read_error(); });
    ASSERT_TRUE(reader.blocks_in(SYS_read));
    ASSERT_EQ(channel.remove(), 0);
    reader.join();

    EXPECT_EQ(error, -1) << "end of file";
}

TEST_F(KmodRemoval, BlockedPreadReturnsEndOfFile)
{
    SimChannel channel("removal");
    const Node node(channel, 0);
    int error = 0;
    Caller reader([&] { error = node.pread_error(100); });
    ASSERT_TRUE(reader.blocks_in(SYS_pread64));
    ASSERT_EQ(channel.remove(), 0);
    reader.join();

    EXPECT_EQ(error, -1) << "end of file";
}

TEST_F(KmodRemoval, BlockedPollReturnsPollhup)
{
    SimChannel channel("removal");
    const Node node(channel);
    pollfd entry{node.fd(), POLLIN, 0};
    Caller poller([&] { ::poll(&entry, 1, -1); });
    ASSERT_TRUE(poller.blocks_in(SYS_poll));
    ASSERT_EQ(channel.remove(), 0);
    poller.join();

    EXPECT_EQ(entry.revents, POLLHUP);
}

TEST_F(KmodRemoval, NewChannelOfTheSameNameIsIndependent)
{
    SimChannel old("removal");
    const Node old_node(old);
    const UniqueFd eventfd = make_eventfd();
    ASSERT_EQ(old_node.set_eventfd(eventfd.get()), 0);
    ASSERT_EQ(old.emit(1, "aa"), 0);
    ASSERT_EQ(old.remove(), 0);
    ASSERT_EQ(read_counter(eventfd.get()), 2U);

    SimChannel channel("removal");
    const Node node(channel);
    EXPECT_EQ(node.read_error(), EAGAIN);
    EXPECT_EQ(channel.sysfs("events"), 0U);
    EXPECT_EQ(channel.sysfs("readers"), 1U);
    ASSERT_EQ(channel.emit(2, "bb"), 0);

    EXPECT_EQ(read_counter(eventfd.get()), 0U);
    const auto left = old_node.read();
    ASSERT_EQ(left.size(), 1U);
    EXPECT_EQ(left.front().payload, "\xaa");
    EXPECT_EQ(old_node.read_error(), -1) << "end of file";
    const auto records = node.read();
    ASSERT_EQ(sequences(records), sequences(1, 1));
    EXPECT_EQ(records.front().payload, "\xbb");
}

TEST_F(KmodRemoval, ChannelIsCreatedAndRemovedByTheSettingLive)
{
    SimChannel channel("removal");
    ASSERT_EQ(channel.burst(5), 0);
    ASSERT_EQ(channel.live(false), 0);
    EXPECT_EQ(error_of(open(channel.node().c_str(), O_RDONLY | O_CLOEXEC)), ENOENT);
    ASSERT_EQ(channel.live(false), 0) << "no change";
    ASSERT_EQ(channel.live(true), 0);
    ASSERT_EQ(channel.live(true), 0) << "no change";

    const Node node(channel);
    ASSERT_EQ(channel.burst(1), 0);
    const auto records = node.read();
    ASSERT_EQ(sequences(records), sequences(1, 1)) << "sequences start at 1 again";
    EXPECT_EQ(records.front().payload.substr(0, 4), std::string("\1\0\0\0", 4)) << "the generator starts at 1 again";
}

}  // namespace
}  // namespace drvbus::test

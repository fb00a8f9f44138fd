// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The node of a legacy channel, which supports only read() and asynchronous notification.
#include <cerrno>
#include <csignal>
#include <ctime>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kmod_node.hpp"
#include "sim.hpp"
#include "support/io.hpp"

namespace drvbus::test {
namespace {

class KmodLegacy : public testing::Test {
protected:
    static SimChannel::Settings legacy()
    {
        SimChannel::Settings settings;
        settings.legacy = true;
        return settings;
    }
};

TEST_F(KmodLegacy, PollIsNotSupported)
{
    SimChannel channel("legacy", legacy());
    const Node node(channel);
    const UniqueFd epoll(must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
    epoll_event event{};
    EXPECT_EQ(error_of(epoll_ctl(epoll.get(), EPOLL_CTL_ADD, node.fd(), &event)), EPERM);
}

TEST_F(KmodLegacy, IoctlAndPositionAreNotSupported)
{
    SimChannel channel("legacy", legacy());
    const Node node(channel);
    ASSERT_EQ(channel.emit(1), 0);
    drvbus_info info{};
    EXPECT_EQ(error_of(ioctl(node.fd(), DRVBUS_IOC_INFO, &info)), ENOTTY);
    EXPECT_EQ(node.set_eventfd(make_eventfd().get()), ENOTTY);
    EXPECT_EQ(node.pread_error(1), ESPIPE);
    EXPECT_EQ(node.seek(0, SEEK_SET), -ESPIPE);

    EXPECT_EQ(sequences(node.read()), sequences(1, 1));
    EXPECT_EQ(node.read_error(), EAGAIN);
}

TEST_F(KmodLegacy, BlockedReadIsWokenByAnEventAndByTheRemoval)
{
    SimChannel channel("legacy", legacy());
    const Node node(channel, 0);
    std::vector<NodeRecord> records;
    Caller reader([&] { records = node.read(); });
    ASSERT_TRUE(reader.blocks_in(SYS_read));
    ASSERT_EQ(channel.emit(5), 0);
    reader.join();
    ASSERT_EQ(sequences(records), sequences(1, 1));

    int error = 0;
    Caller last([&] { error = node.read_error(); });
    ASSERT_TRUE(last.blocks_in(SYS_read));
    ASSERT_EQ(channel.remove(), 0);
    last.join();
    EXPECT_EQ(error, -1) << "end of file";
}

TEST_F(KmodLegacy, EventAndRemovalSendSigio)
{
    sigset_t sigio;
    sigset_t old;
    sigemptyset(&sigio);
    sigaddset(&sigio, SIGIO);
    pthread_sigmask(SIG_BLOCK, &sigio, &old);
    SimChannel channel("legacy", legacy());
    const Node node(channel);
    must(fcntl(node.fd(), F_SETOWN, getpid()), "F_SETOWN");
    must(fcntl(node.fd(), F_SETFL, O_NONBLOCK | O_ASYNC), "O_ASYNC");

    const timespec none{};
    EXPECT_LT(sigtimedwait(&sigio, nullptr, &none), 0);
    EXPECT_EQ(channel.emit(1, "", true), 0);
    EXPECT_EQ(sigtimedwait(&sigio, nullptr, &none), SIGIO);
    EXPECT_EQ(sequences(node.read()), sequences(1, 1));
    EXPECT_EQ(channel.remove(), 0);
    EXPECT_EQ(sigtimedwait(&sigio, nullptr, &none), SIGIO);
    EXPECT_EQ(node.read_error(), -1) << "end of file";
    pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

}  // namespace
}  // namespace drvbus::test

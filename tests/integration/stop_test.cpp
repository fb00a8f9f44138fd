// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How drvbusd ends, and what it tells the service manager.
#include <csignal>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "fifo_test.hpp"
#include "observer.hpp"
#include "support/notify_socket.hpp"

namespace drvbus::test {
namespace {

using testing::MatchesRegex;

class Stop : public FifoTest {
protected:
    /// The next message that is no STATUS, which comes when it is due.
    static std::string next_step(const NotifySocket& socket)
    {
        std::string message;
        do
            message = socket.wait();
        while (message.starts_with("STATUS="));
        return message;
    }
};

TEST_F(Stop, BySignalItEndsWell)
{
    for (const int number : {SIGTERM, SIGINT}) {
        start_channel();
        daemon().signal(number);
        EXPECT_EQ(daemon().wait(5s), 0);
    }
}

TEST_F(Stop, WhatItTookIsPublished)
{
    constexpr std::uint64_t kCount = 500;
    start_channel();
    for (std::uint64_t i = 1; i <= kCount; ++i)
        send(i);
    ASSERT_TRUE(subscriber_.wait_for(1));
    daemon().signal(SIGTERM);
    ASSERT_EQ(daemon().wait(5s), 0);

    // What it did not take is still in the FIFO, for the next one.
    std::size_t left = 0;
    const UniqueFd rest(must(open(fifo_.path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC), "open"));
    std::string buffer(65536, '\0');
    for (ssize_t got = 0; (got = read(rest.get(), buffer.data(), buffer.size())) > 0;)
        left += static_cast<std::size_t>(got);
    const std::uint64_t published = kCount - left / record({}).size();
    EXPECT_TRUE(subscriber_.wait_for(published));
    EXPECT_EQ(subscriber_.heard().gaps(published), "");
}

// Nobody else here has a connection to a bus that dies.
class StopAlone : public DaemonTest {};

TEST_F(StopAlone, WithoutTheBusItFails)
{
    const Terminal terminal;
    start(channel("way", terminal.path(), "records = \"raw\"\n"));
    bus().kill();
    EXPECT_EQ(daemon().wait(), EXIT_FAILURE);
}

TEST_F(Stop, TheServiceManagerIsToldFromStartToEnd)
{
    const NotifySocket socket;
    start(channel("way", fifo_.path()), {{"NOTIFY_SOCKET=" + socket.address()}, {}});
    writer_ = fifo_.open_writer();
    EXPECT_EQ(socket.wait(), "READY=1");
    EXPECT_EQ(socket.wait(), "STATUS=1 channels, 0 events published, 0 events lost");

    send(1);
    send(4);
    EXPECT_EQ(socket.wait(), "STATUS=1 channels, 2 events published, 2 events lost");

    const Observer observer(bus().address());
    observer.manager().Reload();
    EXPECT_THAT(next_step(socket), MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"));
    EXPECT_EQ(next_step(socket), "READY=1");

    configure("nonsense\n");
    EXPECT_THROW(observer.manager().Reload(), sdbus::Error);
    EXPECT_THAT(next_step(socket), MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"));
    EXPECT_EQ(next_step(socket), "READY=1") << "systemctl reload would wait for ever";

    daemon().signal(SIGTERM);
    EXPECT_EQ(next_step(socket), "STOPPING=1");
}

}  // namespace
}  // namespace drvbus::test

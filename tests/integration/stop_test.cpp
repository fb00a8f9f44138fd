// SPDX-License-Identifier: LGPL-2.1-or-later
//
// drvbusd exits on request and notifies the service manager.
#include <csignal>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "fifo_test.hpp"
#include "observer.hpp"
#include "service_manager.hpp"

namespace drvbus::test {
namespace {

using testing::MatchesRegex;

class Stop : public FifoTest {
protected:
    /// The next message other than STATUS=, which the daemon sends at any time.
    static std::string next_state_change(ServiceManager& manager)
    {
        std::string message;
        do
            message = manager.wait();
        while (message.starts_with("STATUS="));
        return message;
    }
};

TEST_F(Stop, SignalExitsWithSuccess)
{
    for (const int number : {SIGTERM, SIGINT}) {
        start_channel();
        daemon().signal(number);
        EXPECT_EQ(daemon().wait(), 0);
    }
}

TEST_F(Stop, EventsReadArePublishedBeforeExit)
{
    constexpr std::uint64_t kCount = 500;
    start_channel();
    for (std::uint64_t i = 1; i <= kCount; ++i)
        send(i);
    ASSERT_TRUE(subscriber_.wait_for(1));
    daemon().signal(SIGTERM);
    ASSERT_EQ(daemon().wait(), 0);

    // The FIFO still has the events that the daemon did not read.
    std::size_t unread = 0;
    const UniqueFd rest(must(open(fifo_.path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC), "open"));
    std::string buffer(65536, '\0');
    for (ssize_t got = 0; (got = read(rest.get(), buffer.data(), buffer.size())) > 0;)
        unread += static_cast<std::size_t>(got);
    const std::uint64_t published = kCount - unread / record({}).size();
    EXPECT_TRUE(subscriber_.wait_for(published));
    EXPECT_EQ(subscriber_.received().gaps(published), "");
}

TEST_F(Stop, ServiceManagerIsNotifiedFromStartToExit)
{
    ServiceManager manager;
    start_with(ServiceManager::as_service(command()), channel("sensor", fifo_.path()), manager.options());
    writer_ = fifo_.open_writer();
    EXPECT_EQ(manager.wait(), "READY=1");
    EXPECT_EQ(manager.wait(), "STATUS=1 channels, 0 events published, 0 events lost");

    write_all(writer_.get(), record({.sequence = 1}) + record({.sequence = 4}));  // one write: one status reports both
    EXPECT_EQ(manager.wait(), "STATUS=1 channels, 2 events published, 2 events lost");

    const Observer observer(bus().address());
    observer.manager().Reload();
    EXPECT_THAT(next_state_change(manager), MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"));
    EXPECT_EQ(next_state_change(manager), "READY=1");

    configure("nonsense\n");
    EXPECT_THROW(observer.manager().Reload(), sdbus::Error);
    EXPECT_THAT(next_state_change(manager), MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"));
    EXPECT_EQ(next_state_change(manager), "READY=1") << "systemctl reload would not return";

    daemon().signal(SIGTERM);
    EXPECT_EQ(next_state_change(manager), "STOPPING=1");
}

}  // namespace
}  // namespace drvbus::test

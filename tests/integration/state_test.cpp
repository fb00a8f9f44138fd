// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The state of a channel while its device appears and disappears, and the isolation of channels from each other.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon_test.hpp"
#include "observer.hpp"
#include "support/io.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

class State : public DaemonTest {
protected:
    [[nodiscard]] std::uint64_t cpu_time_ns()
    {
        return std::stoull(read_file("/proc/" + std::to_string(daemon().pid()) + "/schedstat"));
    }

    Subscriber subscriber_{"sensor", bus().address()};
};

TEST_F(State, DeviceThatAppearsLaterIsOpened)
{
    start(channel("sensor", path("late")));
    EXPECT_THAT(reason_for("absent", subscriber_), HasSubstr("No such file or directory"));
    const Fifo fifo(path("late"));
    EXPECT_EQ(reason_for("online", subscriber_), "");
    const UniqueFd writer = fifo.open_writer();
    write_all(writer.get(), record({.sequence = 1}));
    EXPECT_TRUE(subscriber_.wait_for(1)) << summary(subscriber_);
}

TEST_F(State, PathThatIsCreatedIsOpenedBeforeTheNextRetry)
{
    start(channel("sensor", path("link")));
    const std::string directory = path("later");
    ASSERT_EQ(symlink("later/fifo", path("link").c_str()), 0);
    reason_for("absent", subscriber_);
    stop_timers(daemon().pid());
    ASSERT_EQ(mkdir(directory.c_str(), 0755), 0);
    const Fifo fifo(directory + "/fifo");
    const UniqueFd writer = fifo.open_writer();
    EXPECT_EQ(reason_for("online", subscriber_), "");
}

TEST_F(State, PathThatBecomesReadableIsOpenedBeforeTheNextRetry)
{
    const Fifo fifo(path("fifo"));
    ASSERT_EQ(chmod(fifo.path().c_str(), 0), 0);
    start(channel("sensor", fifo.path()), {.environment = {}, .before_exec = drop_access_capabilities});
    EXPECT_THAT(reason_for("retrying", subscriber_), HasSubstr("Permission denied"));
    stop_timers(daemon().pid());
    ASSERT_EQ(chmod(fifo.path().c_str(), 0644), 0);
    const UniqueFd writer = fifo.open_writer();
    EXPECT_EQ(reason_for("online", subscriber_), "");
}

TEST_F(State, ReasonOfAnAbsentDeviceSaysHowToWriteAPattern)
{
    start("[[channel]]\nname = \"sensor\"\nrecords = \"raw\"\n"
          "match = { subsystem = \"mem\", sysname = \"zer?\" }\n");
    EXPECT_THAT(reason_for("absent", subscriber_), HasSubstr("to use /dev/zero, for sysname write \"glob:zer?\""));
}

TEST_F(State, DeviceThatHangsUpIsOfflineUntilItReturns)
{
    auto terminal = std::make_unique<Terminal>();
    const std::string link = path("terminal");
    ASSERT_EQ(symlink(terminal->path().c_str(), link.c_str()), 0);
    start(channel("sensor", link, "records = \"raw\"\n"));
    write_all(terminal->writer(), "one\n");
    ASSERT_TRUE(subscriber_.wait_for(1)) << summary(subscriber_);

    terminal.reset();
    EXPECT_TRUE(wait_until([&] { return subscriber_.channel().State() != "online"; }));
    EXPECT_NE(subscriber_.channel().Reason(), "");
    EXPECT_EQ(subscriber_.channel().Notification(), "");

    terminal = std::make_unique<Terminal>();
    unlink(link.c_str());
    ASSERT_EQ(symlink(terminal->path().c_str(), link.c_str()), 0);
    EXPECT_EQ(reason_for("online", subscriber_), "");
    write_all(terminal->writer(), "two\n");
    ASSERT_TRUE(subscriber_.wait_for(2)) << summary(subscriber_);
    EXPECT_EQ(subscriber_.received().gaps(2), "") << "the channel did not continue at its position";
}

TEST_F(State, OpenIsRetriedUntilItSucceeds)
{
    const Fifo fifo(path("closed"));
    // A link to itself: not even root can open it.
    const std::string loop = path("loop");
    ASSERT_EQ(symlink(loop.c_str(), loop.c_str()), 0);
    start(channel("sensor", loop));
    EXPECT_THAT(reason_for("retrying", subscriber_), MatchesRegex("opening .*loop: Too many levels of symbolic links"));
    unlink(loop.c_str());
    ASSERT_EQ(symlink(fifo.path().c_str(), loop.c_str()), 0);
    EXPECT_EQ(reason_for("online", subscriber_), "");
}

TEST_F(State, BadChannelsUseLittleCpuTimeAndDoNotAffectOthers)
{
    const Fifo good(path("good"));
    // A directory can be opened, but each read fails; /dev/null is always at its end.
    start(channel("sensor", path("."), "records = \"raw\"\nnotification = \"sigio\"\n") +
          channel("null", "/dev/null", "records = \"raw\"\n") + channel("good", good.path()));
    const Subscriber subscriber("good", bus().address());
    EXPECT_TRUE(wait_until([&] { return subscriber_.channel().State() != "online"; }));
    const UniqueFd writer = good.open_writer();
    const std::uint64_t before = cpu_time_ns();
    EXPECT_FALSE(daemon().wait(2000ms));
    RecordProperty("cpu_us", static_cast<int>((cpu_time_ns() - before) / 1000));
    EXPECT_LT(cpu_time_ns() - before, 100'000'000U) << "ns of CPU time in two seconds";
    for (std::uint64_t sequence = 1; sequence <= 100; ++sequence)
        write_all(writer.get(), record({.sequence = sequence}));
    ASSERT_TRUE(subscriber.wait_for(100)) << summary(subscriber);
    EXPECT_EQ(subscriber.received().gaps(100), "");
}

}  // namespace
}  // namespace drvbus::test

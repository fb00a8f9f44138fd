// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Several channels with the same device.
#include <csignal>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "daemon_test.hpp"
#include "service_manager.hpp"
#include "support/io.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

using testing::HasSubstr;

class Sharing : public DaemonTest {
protected:
    void reload() { daemon().signal(SIGHUP); }

    Fifo one_{path("one")};
    Fifo two_{path("two")};
    Subscriber a_{"a", bus().address()};
    Subscriber b_{"b", bus().address()};
};

TEST_F(Sharing, SecondChannelOfADeviceWaitsForTheFirst)
{
    ASSERT_EQ(symlink(one_.path().c_str(), path("link").c_str()), 0);
    start(channel("a", one_.path()) + channel("b", path("link")));
    EXPECT_THAT(reason_for("retrying", b_), HasSubstr("/link is used by channel \"a\"; if both are to read it"));
    const UniqueFd writer = one_.open_writer();
    write_all(writer.get(), record({.sequence = 1}) + record({.sequence = 2}));
    ASSERT_TRUE(a_.wait_for(2)) << summary(a_);
    configure(channel("b", path("link")));
    reload();
    EXPECT_EQ(reason_for("online", b_), "");
    write_all(writer.get(), record({.sequence = 3}));
    EXPECT_TRUE(b_.wait_for(1)) << summary(b_);
}

TEST_F(Sharing, DevicesThatChangePlacesAtAReloadAreBothOnline)
{
    start(channel("a", one_.path()) + channel("b", two_.path()));
    EXPECT_EQ(reason_for("online", a_) + reason_for("online", b_), "");
    configure(channel("a", two_.path()) + channel("b", one_.path()));
    reload();
    const auto reads = [](const Subscriber& subscriber, const Fifo& fifo) {
        return wait_until(
            [&] { return state_of(subscriber) == "online" && subscriber.channel().Device() == fifo.path(); });
    };
    EXPECT_TRUE(reads(a_, two_)) << state_of(a_);
    EXPECT_TRUE(reads(b_, one_)) << state_of(b_);
}

TEST_F(Sharing, ChannelsThatShareADeviceAreBothOnline)
{
    start(channel("a", one_.path(), "shared = true\n") + channel("b", one_.path(), "shared = true\n"));
    EXPECT_EQ(reason_for("online", a_) + reason_for("online", b_), "");
}

TEST_F(Sharing, RestartLeavesADeviceToItsChannel)
{
    ServiceManager manager;
    const std::string configuration = channel("a", path("link")) + channel("b", one_.path());
    start_with(ServiceManager::as_service(command()), configuration, manager.options());
    EXPECT_THAT(reason_for("absent", a_), HasSubstr("there is no "));
    EXPECT_EQ(reason_for("online", b_), "");
    ASSERT_TRUE(wait_until([&] { return manager.stored().contains("device.b"); }));
    const UniqueFd writer = one_.open_writer();
    daemon().signal(SIGKILL);
    EXPECT_EQ(daemon().wait(), 128 + SIGKILL);
    ASSERT_EQ(symlink(one_.path().c_str(), path("link").c_str()), 0);
    start_with(ServiceManager::as_service(command()), configuration, manager.options());
    EXPECT_THAT(reason_for("retrying", a_), HasSubstr("is used by channel \"b\""));
    write_all(writer.get(), record({.sequence = 1}));
    EXPECT_TRUE(b_.wait_for(1)) << summary(b_);
}

}  // namespace
}  // namespace drvbus::test

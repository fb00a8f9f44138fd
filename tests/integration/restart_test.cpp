// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a new process of the service goes on with, after the last one was killed.
#include <csignal>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fifo_test.hpp"
#include "observer.hpp"
#include "service_manager.hpp"

namespace drvbus::test {
namespace {

using testing::HasSubstr;

class Restart : public FifoTest {
protected:
    void start_service(const std::string& configuration)
    {
        start_by(ServiceManager::as_service(command()), configuration, manager_.options());
    }

    void start_way(const std::string& settings = {})
    {
        start_service(channel("way", fifo_.path(), settings));
        if (!writer_)
            writer_ = fifo_.open_writer();
        // A process may be killed at any time, a message to the service manager may not be lost with it.
        ASSERT_TRUE(wait_until([&] { return manager_.kept() == std::set<std::string>{"device.way", "checkpoint.way"}; }));
    }

    void kill_service()
    {
        daemon().signal(SIGKILL);
        EXPECT_EQ(daemon().wait(), 128 + SIGKILL);
    }

    void send_from_to(std::uint64_t first, std::uint64_t last, const std::string& payload = {}) const
    {
        for (std::uint64_t sequence = first; sequence <= last; ++sequence)
            send(sequence, payload);
    }

    /// Waits for the event `last`, and expects all up to there: in order, and but for a few that came twice
    /// right after a restart, once.
    void expect_all_up_to(std::uint64_t last, std::uint64_t most_repeats = 0)
    {
        ASSERT_TRUE(subscriber_.wait([last](const Received& received) {
            return !received.events.empty() && received.events.back().sequence == last;
        })) << summary(subscriber_);
        std::uint64_t next = 1;
        std::uint64_t repeats = 0;
        for (const Event& event : subscriber_.received().events) {
            ASSERT_LE(event.sequence, next) << "one is missing";
            repeats += event.sequence < next ? 1 : 0;
            next = event.sequence + 1;
        }
        EXPECT_LE(repeats, most_repeats);
    }

    ServiceManager manager_;
};

TEST_F(Restart, AKilledDaemonGoesOnBehindWhatItPublished)
{
    start_way();
    send_from_to(1, 100);
    ASSERT_TRUE(subscriber_.wait_for(100)) << summary(subscriber_);
    // Published and received; whether it is also committed is known once it is idle.
    ASSERT_TRUE(wait_until([&] { return subscriber_.channel().EventsPublished() == 100; }));
    kill_service();
    send_from_to(101, 200);  // nobody would read the FIFO, were it not kept open
    start_way();
    expect_all_up_to(200, 1);
}

TEST_F(Restart, ManyTimesOverNothingIsLost)
{
    std::uint64_t sent = 0;
    for (int round = 0; round < 10; ++round) {
        start_way();
        send_from_to(sent + 1, sent + 300);
        sent += 300;
        ASSERT_TRUE(subscriber_.wait([&](const Received& received) { return received.events.size() + 150 > sent; }))
            << summary(subscriber_);
        kill_service();
    }
    start_way();
    // One batch is what is not committed at most, and what is in it may have come already.
    expect_all_up_to(sent, sent);
}

TEST_F(Restart, WhatWasTakenFromTheDeviceAndNotPublishedComes)
{
    constexpr std::uint64_t kCount = 40;  // less than the FIFO holds, more than the bus takes
    start_way("format = \"char text[]\"\n");
    narrow_bus();
    const std::string payload(1000, 'p');
    bus().stop();
    daemon().stop();
    send_from_to(1, kCount, payload);
    daemon().resume();
    ASSERT_TRUE(wait_until([&] {
        int unread = 0;
        return ioctl(writer_.get(), FIONREAD, &unread) == 0 && unread == 0;
    }));
    kill_service();
    bus().resume();
    start_way("format = \"char text[]\"\n");
    expect_all_up_to(kCount, kCount - 1);
    EXPECT_EQ(subscriber_.received().events.back().fields().at("text").get<std::string>(), payload);
}

TEST_F(Restart, CountersGoOn)
{
    start_way();
    send_from_to(1, 10);
    send_from_to(21, 30);
    ASSERT_TRUE(subscriber_.wait_for(30)) << summary(subscriber_);
    const std::uint64_t instance = subscriber_.channel().Instance();
    ASSERT_TRUE(wait_until([&] { return subscriber_.channel().EventsPublished() == 20; }));
    kill_service();

    start_way();
    EXPECT_EQ(subscriber_.channel().EventsPublished(), 20U);
    EXPECT_EQ(subscriber_.channel().EventsLost(), 10U);
    EXPECT_EQ(subscriber_.channel().NextSequence(), 31U);
    EXPECT_EQ(subscriber_.channel().Instance(), instance);
    send_from_to(33, 33);
    ASSERT_TRUE(subscriber_.wait_for(33)) << summary(subscriber_);
    EXPECT_EQ(subscriber_.received().gaps(33), "") << "no loss is told twice";
    EXPECT_EQ(subscriber_.channel().EventsLost(), 12U);
}

TEST_F(Restart, AChannelThatIsNoLongerWantedIsLetGo)
{
    start_way();
    send(1);
    ASSERT_TRUE(subscriber_.wait_for(1));
    kill_service();
    start_service("");
    EXPECT_TRUE(wait_until([&] { return manager_.kept().empty(); }));
    EXPECT_EQ(Observer(bus().address()).manager().Channels(), 0U);
}

TEST_F(Restart, AnotherDeviceUnderTheNameIsNotTakenForTheOldOne)
{
    start_way();
    send_from_to(1, 5);
    ASSERT_TRUE(subscriber_.wait_for(5));
    const std::uint64_t instance = subscriber_.channel().Instance();
    kill_service();

    const Fifo other(path("other"));
    start_service(channel("way", other.path()));
    EXPECT_EQ(subscriber_.channel().Device(), other.path());
    EXPECT_NE(subscriber_.channel().Instance(), instance);
    EXPECT_EQ(subscriber_.channel().NextSequence(), 1U);
    EXPECT_EQ(subscriber_.channel().Previous(), Subscriber::InstancePosition(instance, 6U));
    kill_service();
    start_service(channel("way", other.path()));
    EXPECT_EQ(subscriber_.channel().Previous(), Subscriber::InstancePosition(instance, 6U))
        << "it goes on to know of the first";
}

TEST_F(Restart, ALedgerOfAnotherReleaseIsNoReasonToFail)
{
    UniqueFd nonsense(must(memfd_create("nonsense", MFD_CLOEXEC), "memfd_create"));
    must(static_cast<int>(write(nonsense.get(), "nonsense", 8)), "write");
    manager_.keep("checkpoint.way", std::move(nonsense));
    start_way();
    EXPECT_THAT(daemon().output(), HasSubstr("the checkpoint of the previous process cannot be used"));
    send(1);
    EXPECT_TRUE(subscriber_.wait_for(1)) << summary(subscriber_);
}

TEST_F(Restart, AReloadThatTakesAChannelAwayLetsItsFilesGo)
{
    start_way();
    send(1);
    ASSERT_TRUE(subscriber_.wait_for(1));
    configure("");
    Observer(bus().address()).manager().Reload();
    EXPECT_TRUE(wait_until([&] { return manager_.kept().empty(); }));
}

}  // namespace
}  // namespace drvbus::test

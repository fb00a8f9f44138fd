// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A new process of the service continues at the position where the previous one was killed.
#include <csignal>
#include <deque>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
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
        start_with(ServiceManager::as_service(command()), configuration, manager_.options());
    }

    void start_sensor(const std::string& settings = {})
    {
        start_service(channel("sensor", fifo_.path(), settings));
        if (!writer_)
            writer_ = fifo_.open_writer();
        // The process may be killed from now on: the service manager has its file descriptors.
        ASSERT_TRUE(wait_until([&] {
            return manager_.stored() == std::set<std::string>{"device.sensor", "checkpoint.sensor"};
        }));
    }

    void kill_service()
    {
        daemon().signal(SIGKILL);
        EXPECT_EQ(daemon().wait(), 128 + SIGKILL);
    }

    void send_range(std::uint64_t first, std::uint64_t last, const std::string& payload = {}) const
    {
        for (std::uint64_t sequence = first; sequence <= last; ++sequence)
            send(sequence, payload);
    }

    /// Waits for the event `last` and expects all events up to it in order. Events that were published but not
    /// committed are repeated after a restart, at most `max_repeats` of them.
    void expect_all_up_to(std::uint64_t last, std::uint64_t max_repeats = 0)
    {
        ASSERT_TRUE(subscriber_.wait([last](const Received& received) {
            return !received.events.empty() && received.events.back().sequence == last;
        })) << summary(subscriber_);
        std::uint64_t next = 1;
        std::uint64_t repeats = 0;
        for (const Event& event : subscriber_.received().events) {
            ASSERT_LE(event.sequence, next) << "an event is missing";
            repeats += event.sequence < next ? 1 : 0;
            next = event.sequence + 1;
        }
        EXPECT_LE(repeats, max_repeats);
    }

    ServiceManager manager_;
};

TEST_F(Restart, KilledDaemonContinuesAfterLastPublishedEvent)
{
    start_sensor();
    send_range(1, 100);
    ASSERT_TRUE(subscriber_.wait_for(100)) << summary(subscriber_);
    // Published and received. The answer shows that the daemon has counted the last event.
    ASSERT_TRUE(wait_until([&] { return subscriber_.channel().EventsPublished() == 100; }));
    kill_service();
    send_range(101, 200);  // the service manager keeps the FIFO open
    start_sensor();
    expect_all_up_to(200, 1);
}

TEST_F(Restart, RepeatedKillsLoseNothing)
{
    std::uint64_t sent = 0;
    for (int round = 0; round < 10; ++round) {
        start_sensor();
        send_range(sent + 1, sent + 300);
        sent += 300;
        ASSERT_TRUE(subscriber_.wait([&](const Received& received) { return received.events.size() + 150 > sent; }))
            << summary(subscriber_);
        kill_service();
    }
    start_sensor();
    // Each kill can repeat one batch, the events that were published but not committed.
    expect_all_up_to(sent, sent);
}

TEST_F(Restart, EventsReadButNotPublishedArePublishedAfterRestart)
{
    constexpr std::uint64_t kCount = 40;  // fit into the FIFO, but not into the send buffer
    start_sensor("format = \"char text[]\"\n");
    shrink_send_buffer();
    const std::string payload(1000, 'p');
    bus().stop();
    daemon().stop();
    send_range(1, kCount, payload);
    daemon().resume();
    ASSERT_TRUE(wait_until([&] {
        int unread = 0;
        return ioctl(writer_.get(), FIONREAD, &unread) == 0 && unread == 0;
    }));
    kill_service();
    bus().resume();
    start_sensor("format = \"char text[]\"\n");
    expect_all_up_to(kCount, kCount - 1);
    EXPECT_EQ(subscriber_.received().events.back().fields().at("text").get<std::string>(), payload);
}

TEST_F(Restart, CountersContinue)
{
    start_sensor();
    send_range(1, 10);
    send_range(21, 30);
    ASSERT_TRUE(subscriber_.wait_for(30)) << summary(subscriber_);
    const std::uint64_t instance = subscriber_.channel().Instance();
    ASSERT_TRUE(wait_until([&] { return subscriber_.channel().EventsPublished() == 20; }));
    kill_service();

    start_sensor();
    EXPECT_EQ(subscriber_.channel().EventsPublished(), 20U);
    EXPECT_EQ(subscriber_.channel().EventsLost(), 10U);
    EXPECT_EQ(subscriber_.channel().NextSequence(), 31U);
    EXPECT_EQ(subscriber_.channel().Instance(), instance);
    send_range(33, 33);
    ASSERT_TRUE(subscriber_.wait_for(33)) << summary(subscriber_);
    EXPECT_EQ(subscriber_.received().gaps(33), "") << "a loss was announced twice";
    EXPECT_EQ(subscriber_.channel().EventsLost(), 12U);
}

TEST_F(Restart, FilesOfRemovedChannelAreReleased)
{
    start_sensor();
    send(1);
    ASSERT_TRUE(subscriber_.wait_for(1));
    kill_service();
    start_service("");
    EXPECT_TRUE(wait_until([&] { return manager_.stored().empty(); }));
    EXPECT_EQ(Observer(bus().address()).manager().Channels(), 0U);
}

TEST_F(Restart, AnotherDeviceWithTheSameNameIsNewInstance)
{
    start_sensor();
    send_range(1, 5);
    ASSERT_TRUE(subscriber_.wait_for(5));
    const std::uint64_t instance = subscriber_.channel().Instance();
    kill_service();

    const Fifo other(path("other"));
    start_service(channel("sensor", other.path()));
    EXPECT_EQ(subscriber_.channel().Device(), other.path());
    EXPECT_NE(subscriber_.channel().Instance(), instance);
    EXPECT_EQ(subscriber_.channel().NextSequence(), 1U);
    EXPECT_EQ(subscriber_.channel().Previous(), Subscriber::InstancePosition(instance, 6U));
    kill_service();
    start_service(channel("sensor", other.path()));
    EXPECT_EQ(subscriber_.channel().Previous(), Subscriber::InstancePosition(instance, 6U))
        << "the position of the first device was lost";
}

TEST_F(Restart, UnreadableCheckpointIsDiscarded)
{
    UniqueFd nonsense(must(memfd_create("nonsense", MFD_CLOEXEC), "memfd_create"));
    must(static_cast<int>(write(nonsense.get(), "nonsense", 8)), "write");
    manager_.store("checkpoint.sensor", std::move(nonsense));
    start_sensor();
    EXPECT_THAT(daemon().output(), HasSubstr("the checkpoint of the previous process cannot be used"));
    send(1);
    EXPECT_TRUE(subscriber_.wait_for(1)) << summary(subscriber_);
}

TEST_F(Restart, ReloadReleasesFilesOfRemovedChannel)
{
    start_sensor();
    send(1);
    ASSERT_TRUE(subscriber_.wait_for(1));
    configure("");
    Observer(bus().address()).manager().Reload();
    EXPECT_TRUE(wait_until([&] { return manager_.stored().empty(); }));
}

TEST_F(Restart, ChannelThatDoesNotFitIntoTheStoreSaysSo)
{
    const Fifo other(path("other"));
    const std::string configuration = channel("other", other.path()) + channel("sensor", fifo_.path());
    Process::Options options = manager_.options();
    options.environment.emplace_back("DRVBUS_FD_STORE_MAX=3");
    options.environment.emplace_back("FDSTORE");
    start_with(ServiceManager::as_service(command()), configuration, options);
    const UniqueFd writer = other.open_writer();
    Subscriber safe("other", bus().address());
    EXPECT_EQ(state_of(safe), "online");
    EXPECT_THAT(state_of(subscriber_),
                testing::AllOf(testing::StartsWith("online: the events since the daemon was started are not safe"),
                               HasSubstr("FileDescriptorStoreMax="), HasSubstr("DRVBUS_FD_STORE_MAX=")));
    ASSERT_TRUE(wait_until([&] {
        return manager_.stored() == std::set<std::string>{"device.other", "checkpoint.other", "checkpoint.sensor"};
    }));

    write_all(writer.get(), record({.sequence = 1}));
    ASSERT_TRUE(safe.wait_for(1));
    kill_service();
    write_all(writer.get(), record({.sequence = 2}));
    options = manager_.options();
    options.environment.emplace_back("DRVBUS_FD_STORE_MAX=4");
    options.environment.emplace_back("FDSTORE");
    start_with(ServiceManager::as_service(command()), configuration, options);
    EXPECT_TRUE(safe.wait_for(2)) << summary(safe);
    EXPECT_EQ(state_of(subscriber_), "online");
}

// The sanitizer of undefined behavior opens files itself, and reports wrong errors if it cannot.
#if !defined(__SANITIZE_ADDRESS__)
TEST_F(Restart, ChannelBeyondTheLimitOfOpenFilesSaysSo)
{
    std::deque<Fifo> fifos;
    std::string configuration;
    for (int i = 0; i < 60; ++i) {
        const std::string name = "many" + std::to_string(i);
        configuration += channel(name, fifos.emplace_back(path(name)).path());
    }
    Process::Options options = manager_.options();
    options.before_exec = [] {
        const rlimit limit{80, 80};
        setrlimit(RLIMIT_NOFILE, &limit);
    };
    start_with(ServiceManager::as_service(command()), channel("first", fifo_.path()) + configuration, options);
    const Subscriber first("first", bus().address());
    const Subscriber last("many9", bus().address());  // by name
    EXPECT_EQ(state_of(first), "online");
    EXPECT_THAT(reason_for("retrying", last), HasSubstr("raise LimitNOFILE= of drvbusd.service"));
}
#endif

}  // namespace
}  // namespace drvbus::test

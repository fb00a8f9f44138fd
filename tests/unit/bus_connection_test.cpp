// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/connection.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/errno.hpp"
#include "bus_client.hpp"
#include "support/io.hpp"
#include "turn.hpp"

namespace drvbus::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class BusConnection : public BusTest {
protected:
    void connect(bus::Start start = bus::Start::fresh)
    {
        connection_ =
            std::make_unique<bus::Connection>(loop_, bus::BusType::session, start,
                                              bus::Connection::Callbacks{[this] { ++flushed_; }, [this] { ++lost_; },
                                                                         [this] {
                                                                             ++back_;
                                                                             on_connected_();
                                                                         }});
        connection_->request_name();
    }

    /// Waits until the connection owns the name again.
    [[nodiscard]] bool wait_for_name()
    {
        return turn_until(loop_, [this] { return connection_->is_flushed(); });
    }

    /// Kills the bus and waits until the connection has reported the loss.
    void lose_bus()
    {
        const int before = lost_;
        bus_.kill();
        ASSERT_TRUE(turn_until(loop_, [&] { return lost_ == before + 1; }));
    }

    [[nodiscard]] int socket() const { return sd_bus_get_fd(connection_->handle()); }

    [[nodiscard]] std::uint64_t queued() const
    {
        std::uint64_t messages = 0;
        check(sd_bus_get_n_queued_write(connection_->handle(), &messages), "sd_bus_get_n_queued_write");
        return messages;
    }

    /// Sends signals to a stopped bus until `count` of them wait in the queue of the connection.
    void fill_queue(std::uint64_t count) const
    {
        const int bytes = 4096;
        must(setsockopt(socket(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), "SO_SNDBUF");
        const std::string text(1000, 'x');
        while (queued() < count)
            check(sd_bus_emit_signal(connection_->handle(), "/test", "test.Interface", "Signal", "s", text.c_str()),
                  "sd_bus_emit_signal");
    }

    /// The exit code of the exception that connecting throws.
    int exit_code(bus::Start start)
    {
        try {
            connect(start);
        } catch (const bus::NameError& error) {
            return error.exit_code();
        }
        return EXIT_SUCCESS;
    }

    /// The message of the exception that connecting throws.
    std::string connect_error()
    {
        try {
            connect();
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "no error";
    }

    int flushed_ = 0;
    int lost_ = 0;
    int back_ = 0;
    std::function<void()> on_connected_ = [] {};
    std::unique_ptr<bus::Connection> connection_;
};

TEST_F(BusConnection, OwnsTheNameAfterConstruction)
{
    connect();
    const BusClient client(loop_, bus_.address());
    const char* name = nullptr;
    check(sd_bus_get_unique_name(connection_->handle(), &name), "sd_bus_get_unique_name");
    EXPECT_EQ(client.owner_of(bus::kServiceName), name);
    EXPECT_TRUE(connection_->is_connected());
    EXPECT_TRUE(connection_->is_flushed());
}

TEST_F(BusConnection, SystemBusHasAnAddressOfItsOwn)
{
    PrivateBus system;
    const ScopedVariable address("DBUS_SYSTEM_BUS_ADDRESS", system.address());
    {
        bus::Connection connection(loop_, bus::BusType::system, bus::Start::fresh, {});
        connection.request_name();
        EXPECT_NE(BusClient(loop_, system.address()).owner_of(bus::kServiceName), "");
        EXPECT_EQ(BusClient(loop_, bus_.address()).owner_of(bus::kServiceName), "");
    }
    system.kill();
    try {
        const bus::Connection connection(loop_, bus::BusType::system, bus::Start::fresh, {});
        FAIL() << "connected to a system bus that was killed";
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), AllOf(HasSubstr("no system bus: "), HasSubstr("is dbus.service running?")));
    }
}

TEST_F(BusConnection, NameInUseFailsWithAdvice)
{
    const BusClient other(loop_, bus_.address());
    other.request_name(bus::kServiceName);
    EXPECT_THAT(connect_error(), HasSubstr("the name org.drvbus1 is taken on the session bus: another drvbusd is "
                                           "running; stop it first"));
}

TEST_F(BusConnection, ForbiddenNameFailsWithAdvice)
{
    bus_.kill();
    bus_.start("<deny own=\"org.drvbus1\"/>");
    EXPECT_THAT(connect_error(), HasSubstr("the session bus does not let this user own org.drvbus1"));
}

TEST_F(BusConnection, MissingBusFailsWithAdvice)
{
    bus_.kill();
    EXPECT_THAT(connect_error(), AllOf(HasSubstr("no session bus: "), HasSubstr("is DBUS_SESSION_BUS_ADDRESS set")));
}

TEST_F(BusConnection, LossOfTheBusIsReportedOnce)
{
    connect();
    lose_bus();
    EXPECT_FALSE(connection_->is_connected());
    EXPECT_FALSE(connection_->is_flushed());
    run_until_idle(loop_);
    EXPECT_EQ(lost_, 1);
    EXPECT_EQ(back_, 0);
}

TEST_F(BusConnection, ReconnectsAfterEachRestartOfTheBus)
{
    connect();
    for (int round = 1; round <= 3; ++round) {
        lose_bus();
        bus_.start();
        ASSERT_TRUE(wait_for_name()) << "round " << round;
        EXPECT_EQ(back_, round);
        EXPECT_TRUE(connection_->is_connected());
        EXPECT_NE(BusClient(loop_, bus_.address()).owner_of(bus::kServiceName), "");
    }
    EXPECT_EQ(lost_, 3);
}

TEST_F(BusConnection, UnresponsiveBusDoesNotBlockTheLoop)
{
    connect();
    lose_bus();
    const auto sockets = [] { return sockets_of(getpid(), SO_TYPE, SOCK_STREAM).size(); };
    const std::size_t before = sockets();
    bus_.start();
    bus_.stop();
    ASSERT_TRUE(turn_until(loop_, [&] { return sockets() > before; })) << "no attempt to connect";

    bool fired = false;
    const EventSource timer = loop_.timer(EventLoop::Priority::normal, [&fired] { fired = true; });
    EventLoop::start(timer, std::chrono::milliseconds(1));
    EXPECT_TRUE(turn_until(loop_, [&fired] { return fired; }));
    EXPECT_FALSE(connection_->is_connected());
    bus_.resume();
    EXPECT_TRUE(turn_until(loop_, [this] { return back_ == 1; }));
}

TEST_F(BusConnection, NameTakenDuringALossEndsTheLoop)
{
    connect();
    lose_bus();
    bus_.start();
    const BusClient other(loop_, bus_.address());
    other.request_name(bus::kServiceName);
    const EventSource guard = loop_.timer(EventLoop::Priority::normal, [this] { loop_.stop(EXIT_SUCCESS); });
    EventLoop::start(guard, kLimit);
    try {
        loop_.run();
        FAIL() << "the connection does not report that the name is taken";
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("the name org.drvbus1 is taken on the session bus"));
    }
    EXPECT_FALSE(connection_->is_flushed()) << "events would be published without the name";
}

TEST_F(BusConnection, NameIsRequestedAfterTheCallbackForReconnections)
{
    connect();
    lose_bus();
    bus_.start();
    const BusClient client(loop_, bus_.address());
    std::string owner = "not called";
    on_connected_ = [&] { owner = client.owner_of(bus::kServiceName); };
    ASSERT_TRUE(wait_for_name());
    EXPECT_EQ(owner, "");
    EXPECT_EQ(flushed_, 1) << "the channels must continue";
}

TEST_F(BusConnection, ContinuedProcessWaitsForAMissingBus)
{
    bus_.kill();
    connect(bus::Start::continued);
    EXPECT_FALSE(connection_->is_connected());
    EXPECT_FALSE(connection_->is_flushed());
    bus_.start();
    ASSERT_TRUE(wait_for_name());
    EXPECT_NE(BusClient(loop_, bus_.address()).owner_of(bus::kServiceName), "");
}

TEST_F(BusConnection, ContinuedProcessFailsSoThatItIsStartedAgain)
{
    const BusClient other(loop_, bus_.address());
    other.request_name(bus::kServiceName);
    EXPECT_EQ(exit_code(bus::Start::fresh), EX_UNAVAILABLE);
    EXPECT_EQ(exit_code(bus::Start::continued), EXIT_FAILURE);
    bus_.kill();
    bus_.start("<deny own=\"org.drvbus1\"/>");
    EXPECT_EQ(exit_code(bus::Start::fresh), EX_NOPERM);
    EXPECT_EQ(exit_code(bus::Start::continued), EXIT_FAILURE);
}

TEST_F(BusConnection, BrokenIsHandledAtTheNextTurn)
{
    connect();
    connection_->report_broken();
    EXPECT_EQ(lost_, 0) << "reported from within the call";
    ASSERT_TRUE(turn_until(loop_, [this] { return lost_ == 1; }));
    EXPECT_FALSE(connection_->is_connected());
    ASSERT_TRUE(wait_for_name());
    EXPECT_EQ(back_, 1);
    EXPECT_NE(BusClient(loop_, bus_.address()).owner_of(bus::kServiceName), "");
}

TEST_F(BusConnection, IsNotFlushedUntilTheBusHasReadTheQueue)
{
    connect();
    bus_.stop();
    fill_queue(1);
    EXPECT_FALSE(connection_->is_flushed());
    run_until_idle(loop_);
    EXPECT_EQ(flushed_, 0);
    bus_.resume();
    ASSERT_TRUE(turn_until(loop_, [this] { return flushed_ > 0; }));
    EXPECT_TRUE(connection_->is_flushed());
    run_until_idle(loop_);
    EXPECT_EQ(flushed_, 1);
}

TEST_F(BusConnection, DestructorDoesNotWaitForAStoppedBus)
{
    connect();
    bus_.stop();
    fill_queue(1);
    const auto destroyed = std::async(std::launch::async, [this] { connection_.reset(); });
    EXPECT_EQ(destroyed.wait_for(30s), std::future_status::ready);
    bus_.resume();
}

/// Calls arrive at the connection while its queue of messages to the bus is filled.
class BusConnectionCalls : public BusConnection {
protected:
    static constexpr int kCalls = 40;

    void SetUp() override
    {
        connect();
        client_ = std::make_unique<BusClient>(loop_, bus_.address());
        client_->wait_for_bus();
        run_until_idle(loop_);
    }

    void ping()
    {
        client_->call(bus::kServiceName, "/", "org.freedesktop.DBus.Peer", "Ping", [this](sd_bus_message* answer) {
            const sd_bus_error* const error = sd_bus_message_get_error(answer);
            ++answers_[error == nullptr ? "" : error->name];
        });
    }

    /// Sends calls and waits until they are in the socket of the connection, which does not read them yet.
    void deliver_calls()
    {
        const auto unread = [this] {
            int bytes = 0;
            must(ioctl(socket(), FIONREAD, &bytes), "FIONREAD");
            return bytes;
        };
        ping();
        ASSERT_TRUE(wait_until([&] { return unread() > 0; }));
        const int size = unread();  // of each call: the bus writes a message with one system call
        for (int i = 1; i < kCalls; ++i)
            ping();
        ASSERT_TRUE(wait_until([&] { return unread() == kCalls * size; }));
    }

    [[nodiscard]] int answered() const
    {
        int sum = 0;
        for (const auto& [error, count] : answers_)
            sum += count;
        return sum;
    }

    std::unique_ptr<BusClient> client_;
    std::map<std::string, int> answers_;
};

TEST_F(BusConnectionCalls, AreAnsweredWhileTheQueueIsShort)
{
    deliver_calls();
    ASSERT_TRUE(turn_until(loop_, [this] { return answered() == kCalls; }));
    EXPECT_EQ(answers_, (std::map<std::string, int>{{"", kCalls}}));
}

TEST_F(BusConnectionCalls, GetBusyWhileTheQueueIsLong)
{
    deliver_calls();
    bus_.stop();
    fill_queue(40);
    run_until_idle(loop_);
    bus_.resume();
    ASSERT_TRUE(turn_until(loop_, [this] { return answered() == kCalls; }));
    EXPECT_EQ(answers_, (std::map<std::string, int>{{"org.drvbus1.Error.Busy", kCalls}}));
}

TEST_F(BusConnectionCalls, AreDroppedWhileTheQueueIsVeryLong)
{
    deliver_calls();
    bus_.stop();
    fill_queue(300);
    run_until_idle(loop_);
    EXPECT_EQ(queued(), 300U);
    bus_.resume();
    ASSERT_TRUE(turn_until(loop_, [this] { return connection_->is_flushed(); }));
    ping();  // the bus delivers answers in order: no answer to an earlier call can follow
    ASSERT_TRUE(turn_until(loop_, [this] { return answered() > 0; }));
    EXPECT_EQ(answers_, (std::map<std::string, int>{{"", 1}}));
}

}  // namespace
}  // namespace drvbus::test

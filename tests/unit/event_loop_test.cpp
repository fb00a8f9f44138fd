// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/event_loop.hpp"

#include "base/errno.hpp"

#include <csignal>
#include <functional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>

#include "support/io.hpp"
#include "support/wait.hpp"
#include "turn.hpp"

namespace drvbus::test {
namespace {

using testing::ElementsAre;
using Priority = EventLoop::Priority;

/// Restores the signal mask after a test.
class EventLoopTest : public testing::Test {
protected:
    EventLoopTest() { pthread_sigmask(SIG_SETMASK, nullptr, &mask_); }
    EventLoopTest(const EventLoopTest&) = delete;
    EventLoopTest& operator=(const EventLoopTest&) = delete;
    ~EventLoopTest() override { pthread_sigmask(SIG_SETMASK, &mask_, nullptr); }

    void expect_thrown_out_of_run()
    {
        try {
            loop_.run();
            FAIL() << "no exception";
        } catch (const std::runtime_error& error) {
            EXPECT_STREQ(error.what(), "from a callback");
        }
    }

    [[noreturn]] static void fail() { throw std::runtime_error("from a callback"); }

    EventLoop loop_;
    Pipe pipe_;

private:
    sigset_t mask_{};
};

TEST_F(EventLoopTest, RunReturnsTheArgumentOfStop)
{
    const DeferredCall stop = loop_.deferred(Priority::normal, [this] { loop_.stop(42); });
    stop.request();
    EXPECT_EQ(loop_.run(), 42);
}

TEST_F(EventLoopTest, ExceptionOfADeferredCallEndsRun)
{
    const DeferredCall source = loop_.deferred(Priority::normal, fail);
    source.request();
    expect_thrown_out_of_run();
}

TEST_F(EventLoopTest, ExceptionOfATimerEndsRun)
{
    const EventSource source = loop_.timer(Priority::normal, fail);
    EventLoop::start(source, 1ms);
    expect_thrown_out_of_run();
}

TEST_F(EventLoopTest, ExceptionOfAWatchEndsRun)
{
    const EventSource source =
        loop_.watch(pipe_.write_end.get(), EPOLLOUT, Priority::normal, [](std::uint32_t) { fail(); });
    expect_thrown_out_of_run();
}

TEST_F(EventLoopTest, ExceptionOfASignalHandlerEndsRun)
{
    const EventSource source = loop_.signal(SIGUSR1, fail);
    raise(SIGUSR1);
    expect_thrown_out_of_run();
}

TEST_F(EventLoopTest, ExceptionOfAnAfterEachCallbackEndsRun)
{
    const EventSource source = loop_.after_each(Priority::normal, fail);
    const DeferredCall work = loop_.deferred(Priority::normal, [] {});
    source.enable(true);
    work.request();
    expect_thrown_out_of_run();
}

TEST_F(EventLoopTest, ExceptionIsThrownOnce)
{
    const DeferredCall source = loop_.deferred(Priority::normal, fail);
    source.request();
    expect_thrown_out_of_run();

    EventLoop next;
    const DeferredCall stop = next.deferred(Priority::normal, [&next] { next.stop(0); });
    stop.request();
    EXPECT_EQ(next.run(), 0);
}

TEST_F(EventLoopTest, LowerPriorityValuesRunFirst)
{
    std::vector<std::string> order;
    std::vector<DeferredCall> sources;
    const auto add = [&](Priority priority, const char* name) {
        sources.push_back(loop_.deferred(priority, [&order, name] { order.emplace_back(name); }));
        sources.back().request();
    };
    add(Priority::idle, "idle");
    add(Priority::normal, "normal");
    add(Priority::signal, "signal");
    run_until_idle(loop_);
    EXPECT_THAT(order, ElementsAre("signal", "normal", "idle"));
}

TEST_F(EventLoopTest, SourceThatIsAlwaysReadyDoesNotStarveDeferredCalls)
{
    // The pipe is always readable, because nothing reads it: like a device that is never drained.
    write_all(pipe_.write_end.get(), "x");
    const EventSource flood = loop_.watch(pipe_.read_end.get(), EPOLLIN, Priority::normal, [](std::uint32_t) {});
    const DeferredCall work = loop_.deferred(Priority::normal, [&] { loop_.stop(7); });
    work.request();
    EXPECT_EQ(loop_.run(), 7);
}

TEST_F(EventLoopTest, DeferredCallRunsOncePerRequest)
{
    int runs = 0;
    const DeferredCall work = loop_.deferred(Priority::normal, [&] { ++runs; });
    run_until_idle(loop_);
    EXPECT_EQ(runs, 0);
    work.request();
    work.request();
    run_until_idle(loop_);
    EXPECT_EQ(runs, 1);
    work.request();
    run_until_idle(loop_);
    EXPECT_EQ(runs, 2);
}

TEST_F(EventLoopTest, DeferredCallMayRequestItself)
{
    int runs = 0;
    DeferredCall work;
    work = loop_.deferred(Priority::normal, [&] {
        if (++runs < 5)
            work.request();
    });
    work.request();
    run_until_idle(loop_);
    EXPECT_EQ(runs, 5);
}

TEST_F(EventLoopTest, DeferredCallThatAlwaysRequestsItselfStarvesNothing)
{
    int runs = 0;
    int seen = 0;
    int called = 0;
    DeferredCall work;
    work = loop_.deferred(Priority::normal, [&] {
        ++runs;
        work.request();
    });
    const DeferredCall other = loop_.deferred(Priority::normal, [&] { ++called; });
    const EventSource watch =
        loop_.watch(pipe_.read_end.get(), EPOLLIN | EPOLLET, Priority::normal, [&](std::uint32_t) { ++seen; });
    work.request();
    for (int turns = 0; turns < 10; ++turns)
        sd_event_run(loop_.get(), 0);
    write_all(pipe_.write_end.get(), "x");
    other.request();
    for (int turns = 0; turns < 10; ++turns)
        sd_event_run(loop_.get(), 0);
    EXPECT_EQ(seen, 1);
    EXPECT_EQ(called, 1);
    EXPECT_GT(runs, 10);
}

TEST_F(EventLoopTest, TimerRunsOnceAndNotEarly)
{
    int runs = 0;
    const EventSource timer = loop_.timer(Priority::normal, [&] { ++runs; });
    for (int round = 1; round <= 2; ++round) {
        const auto before = std::chrono::steady_clock::now();
        EventLoop::start(timer, 20ms);
        ASSERT_TRUE(turn_until(loop_, [&] { return runs == round; }));
        EXPECT_GE(std::chrono::steady_clock::now() - before, 20ms);
        run_until_idle(loop_);
        EXPECT_EQ(runs, round);
    }
}

TEST_F(EventLoopTest, TimersRunInTheOrderOfTheirTimes)
{
    std::vector<int> order;
    const EventSource late = loop_.timer(Priority::normal, [&] { order.push_back(2); });
    const EventSource soon = loop_.timer(Priority::normal, [&] { order.push_back(1); });
    const EventSource never = loop_.timer(Priority::normal, [&] { order.push_back(3); });
    EventLoop::start(late, 300ms);
    EventLoop::start(soon, 1ms);
    ASSERT_TRUE(turn_until(loop_, [&] { return order.size() == 2; }));
    EXPECT_THAT(order, ElementsAre(1, 2));
}

TEST_F(EventLoopTest, WatchGetsTheEpollEvents)
{
    std::uint32_t seen = 0;
    const EventSource watch =
        loop_.watch(pipe_.read_end.get(), EPOLLIN, Priority::normal, [&](std::uint32_t events) { seen = events; });
    pipe_.write_end.reset();
    ASSERT_TRUE(turn_until(loop_, [&] { return seen != 0; }));
    EXPECT_EQ(seen, static_cast<std::uint32_t>(EPOLLHUP));
}

TEST_F(EventLoopTest, DisabledWatchDoesNotRun)
{
    int runs = 0;
    const EventSource watch =
        loop_.watch(pipe_.read_end.get(), EPOLLIN | EPOLLET, Priority::normal, [&](std::uint32_t) { ++runs; });
    watch.enable(false);
    write_all(pipe_.write_end.get(), "x");
    run_until_idle(loop_);
    EXPECT_EQ(runs, 0);
    watch.enable(true);
    run_until_idle(loop_);
    EXPECT_EQ(runs, 1);
}

TEST_F(EventLoopTest, FdWithoutPollIsRefused)
{
    EXPECT_THROW((void)loop_.watch(-1, EPOLLIN, Priority::normal, [](std::uint32_t) {}), std::system_error);
}

TEST_F(EventLoopTest, AfterEachRunsAfterOtherSources)
{
    int after = 0;
    const EventSource source = loop_.after_each(Priority::idle, [&] { ++after; });
    const DeferredCall work = loop_.deferred(Priority::normal, [] {});

    work.request();
    run_until_idle(loop_);
    EXPECT_EQ(after, 0) << "it ran before it was enabled";

    source.enable(true);
    run_until_idle(loop_);
    EXPECT_EQ(after, 0) << "it ran although no other source did";
    for (int i = 1; i <= 3; ++i) {
        work.request();
        run_until_idle(loop_);
        EXPECT_EQ(after, i);
    }
    source.enable(false);
    work.request();
    run_until_idle(loop_);
    EXPECT_EQ(after, 3);
}

TEST_F(EventLoopTest, SignalIsHandledInTheLoop)
{
    int runs = 0;
    {
        const EventSource source = loop_.signal(SIGUSR2, [&] { ++runs; });
        raise(SIGUSR2);  // blocked, so it stays pending
        EXPECT_EQ(runs, 0);
        run_until_idle(loop_);
        EXPECT_EQ(runs, 1);
        raise(SIGUSR2);
        run_until_idle(loop_);
        EXPECT_EQ(runs, 2);
    }
}

TEST_F(EventLoopTest, DestroyedSourceDoesNotRun)
{
    int runs = 0;
    DeferredCall reset = loop_.deferred(Priority::normal, [&] { ++runs; });
    reset.request();
    reset.reset();
    EXPECT_FALSE(reset);
    {
        const DeferredCall destroyed = loop_.deferred(Priority::normal, [&] { ++runs; });
        destroyed.request();
    }
    run_until_idle(loop_);
    EXPECT_EQ(runs, 0);
}

TEST_F(EventLoopTest, SourceCanBeMoved)
{
    int runs = 0;
    DeferredCall here = loop_.deferred(Priority::normal, [&] { ++runs; });
    here.request();
    DeferredCall there(std::move(here));
    DeferredCall anywhere;
    EXPECT_FALSE(anywhere);
    anywhere = std::move(there);
    EXPECT_TRUE(anywhere);
    run_until_idle(loop_);
    EXPECT_EQ(runs, 1);
}

TEST(Check, NegativeResultThrows)
{
    EXPECT_EQ(check(0, "fine"), 0);
    EXPECT_EQ(check(7, "fine"), 7);
    try {
        check(-EBADF, "closing nothing");
        FAIL() << "no exception";
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), std::errc::bad_file_descriptor);
        EXPECT_STREQ(error.what(), "closing nothing: Bad file descriptor");
    }
}

}  // namespace
}  // namespace drvbus::test

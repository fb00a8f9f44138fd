// SPDX-License-Identifier: LGPL-2.1-or-later
#include "notification/sigio.hpp"

#include <csignal>
#include <deque>
#include <memory>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "support/io.hpp"
#include "support/process.hpp"
#include "turn.hpp"

namespace drvbus::test {
namespace {

using notification::Kind;
using notification::make_sigio;
using notification::Notification;
using testing::HasSubstr;

/// Sets a soft limit, and restores it afterwards.
class SoftLimit {
public:
    SoftLimit(__rlimit_resource resource, rlim_t value) : resource_(resource)
    {
        must(getrlimit(resource_, &old_), "getrlimit");
        const rlimit changed{value, old_.rlim_max};
        must(setrlimit(resource_, &changed), "setrlimit");
    }
    SoftLimit(const SoftLimit&) = delete;
    SoftLimit& operator=(const SoftLimit&) = delete;
    ~SoftLimit() { setrlimit(resource_, &old_); }

private:
    __rlimit_resource resource_;
    rlimit old_{};
};

/// A device with a SIGIO notification, and how often it was reported as ready.
struct Watched {
    Watched(notification::SigioDispatcher& dispatcher, int fd)
        : notification(make_sigio(dispatcher, {fd, false}, [this] { ++reports; }))
    {
    }
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;

    int reports = 0;
    std::unique_ptr<Notification> notification;
};

class Sigio : public testing::Test {
protected:
    [[nodiscard]] bool reported(const Watched& watched, int times = 1)
    {
        return turn_until(loop_, [&] { return watched.reports >= times; });
    }

    [[nodiscard]] static bool is_async(int fd) { return (must(fcntl(fd, F_GETFL), "F_GETFL") & O_ASYNC) != 0; }

    EventLoop loop_;
    notification::SigioDispatcher dispatcher_{loop_};
};

TEST_F(Sigio, TerminalNotifies)
{
    const Terminal terminal;
    const UniqueFd reader = terminal.open_reader();
    const Watched watched(dispatcher_, reader.get());
    EXPECT_EQ(watched.notification->kind(), Kind::sigio);
    run_until_idle(loop_);
    EXPECT_EQ(watched.reports, 0);
    for (int i = 1; i <= 10; ++i) {
        watched.notification->clear();
        const int before = watched.reports;
        write_all(terminal.writer(), "line\n");
        ASSERT_TRUE(reported(watched, before + 1));
    }
}

TEST_F(Sigio, PipeNotifies)
{
    const Pipe pipe;
    const Watched watched(dispatcher_, pipe.read_end.get());
    write_all(pipe.write_end.get(), "x");
    EXPECT_TRUE(reported(watched));
}

TEST_F(Sigio, SocketNotifies)
{
    const SocketPair sockets;
    const Watched watched(dispatcher_, sockets.theirs.get());
    write_all(sockets.ours.get(), "x");
    EXPECT_TRUE(reported(watched));
}

TEST_F(Sigio, OnlyTheReadyDeviceIsReported)
{
    const Pipe idle;
    const Pipe ready;
    const Watched watched_idle(dispatcher_, idle.read_end.get());
    const Watched watched_ready(dispatcher_, ready.read_end.get());
    write_all(ready.write_end.get(), "x");
    ASSERT_TRUE(reported(watched_ready));
    run_until_idle(loop_);
    EXPECT_EQ(watched_idle.reports, 0);
}

TEST_F(Sigio, SignalsBeforeADispatchAreReportedOnce)
{
    const Pipe pipe;
    const Watched watched(dispatcher_, pipe.read_end.get());
    for (int i = 0; i < 100; ++i)
        write_all(pipe.write_end.get(), "x");
    ASSERT_TRUE(reported(watched));
    run_until_idle(loop_);
    EXPECT_EQ(watched.reports, 1);
}

TEST_F(Sigio, FullSignalQueueReportsEveryDevice)
{
    const Pipe idle;
    const Pipe ready;
    const Watched watched_idle(dispatcher_, idle.read_end.get());
    const Watched watched_ready(dispatcher_, ready.read_end.get());
    {
        // No queued signal is allowed: the kernel sends SIGIO without a file descriptor.
        const SoftLimit full(RLIMIT_SIGPENDING, 0);
        write_all(ready.write_end.get(), "x");
    }
    EXPECT_TRUE(reported(watched_ready));
    EXPECT_TRUE(reported(watched_idle));
}

TEST_F(Sigio, ManyDevicesAreReportedIndividually)
{
    constexpr int kDevices = 200;
    raise_file_limit(2 * kDevices + 100);
    std::deque<Pipe> pipes(kDevices);
    std::deque<Watched> watched;
    for (const Pipe& pipe : pipes)
        watched.emplace_back(dispatcher_, pipe.read_end.get());
    for (int i = 0; i < kDevices; i += 2)
        write_all(pipes.at(static_cast<std::size_t>(i)).write_end.get(), "x");
    for (int i = 0; i < kDevices; i += 2)
        ASSERT_TRUE(reported(watched.at(static_cast<std::size_t>(i)))) << i;
    run_until_idle(loop_);
    for (int i = 0; i < kDevices; ++i)
        ASSERT_EQ(watched.at(static_cast<std::size_t>(i)).reports, i % 2 == 0 ? 1 : 0) << i;
}

TEST_F(Sigio, LargeFileDescriptorsAreReported)
{
    const SoftLimit many(RLIMIT_NOFILE, 4096);
    const Pipe pipe;
    const UniqueFd high(must(fcntl(pipe.read_end.get(), F_DUPFD_CLOEXEC, 4000), "F_DUPFD_CLOEXEC"));
    const Watched watched(dispatcher_, high.get());
    write_all(pipe.write_end.get(), "x");
    EXPECT_TRUE(reported(watched));
}

TEST_F(Sigio, DeviceWithoutSigioIsRefused)
{
    const UniqueFd file(must(memfd_create("file", MFD_CLOEXEC), "memfd_create"));
    const UniqueFd counter(must(eventfd(0, EFD_CLOEXEC), "eventfd"));
    const UniqueFd null(must(open("/dev/null", O_RDONLY | O_CLOEXEC), "open"));
    for (const int fd : {file.get(), counter.get(), null.get()}) {
        try {
            (void)make_sigio(dispatcher_, {fd, false}, [] {});
            FAIL() << "no error was reported";
        } catch (const std::system_error& error) {
            EXPECT_EQ(error.code(), std::errc::not_supported);
            EXPECT_THAT(error.what(), HasSubstr("the device sends no SIGIO; set notification to \"auto\" or \"poll\""));
        }
    }
}

TEST_F(Sigio, DestroyedNotificationDoesNotReport)
{
    const Pipe pipe;
    Watched watched(dispatcher_, pipe.read_end.get());
    EXPECT_TRUE(is_async(pipe.read_end.get()));
    write_all(pipe.write_end.get(), "x");  // the signal has been handled when this returns; the loop has not run yet
    watched.notification.reset();
    EXPECT_FALSE(is_async(pipe.read_end.get()));
    write_all(pipe.write_end.get(), "x");
    run_until_idle(loop_);
    EXPECT_EQ(watched.reports, 0);
}

TEST_F(Sigio, DeviceCanBeRemovedDuringADispatch)
{
    const Pipe one;
    const Pipe two;
    std::unique_ptr<Notification> first;
    std::unique_ptr<Notification> second;
    int reports = 0;
    first = make_sigio(dispatcher_, {one.read_end.get(), false}, [&] {
        ++reports;
        second.reset();
    });
    second = make_sigio(dispatcher_, {two.read_end.get(), false}, [&] {
        ++reports;
        first.reset();
    });
    write_all(one.write_end.get(), "x");
    write_all(two.write_end.get(), "x");
    ASSERT_TRUE(turn_until(loop_, [&] { return reports > 0; }));
    run_until_idle(loop_);
    EXPECT_EQ(reports, 1);
}

TEST_F(Sigio, NewDeviceWithTheSameFdIsReported)
{
    const Pipe pipe;
    {
        const Watched before(dispatcher_, pipe.read_end.get());
    }
    const Watched watched(dispatcher_, pipe.read_end.get());
    write_all(pipe.write_end.get(), "x");
    EXPECT_TRUE(reported(watched));
}

TEST(SigioDispatcher, DestructorRestoresTheSignalHandlers)
{
    const auto handler_of = [](int signal_number) {
        struct sigaction action {};
        must(sigaction(signal_number, nullptr, &action), "sigaction");
        return (action.sa_flags & SA_SIGINFO) != 0;
    };
    const EventLoop loop;
    {
        const notification::SigioDispatcher dispatcher(loop);
        EXPECT_TRUE(handler_of(SIGIO));
    }
    EXPECT_FALSE(handler_of(SIGIO));
    for (int number = SIGRTMIN; number <= SIGRTMAX; ++number)
        EXPECT_FALSE(handler_of(number)) << number;
}

}  // namespace
}  // namespace drvbus::test

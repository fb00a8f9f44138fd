// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Asynchronous notification: SIGIO, and what comes along with it.
#include <cerrno>
#include <csignal>
#include <ctime>
#include <optional>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kmod_node.hpp"
#include "sim.hpp"
#include "support/io.hpp"

namespace drvbus::test {
namespace {

/// Has the signals blocked: those that are sent stay pending until a test takes them. An event sends its
/// signals before the write that emits it returns, so there is nothing to wait for.
class KmodSignal : public testing::Test {
protected:
    KmodSignal()
    {
        sigemptyset(&signals_);
        sigaddset(&signals_, SIGIO);
        sigaddset(&signals_, kQueued);
        pthread_sigmask(SIG_BLOCK, &signals_, &old_);
    }

    ~KmodSignal() override
    {
        while (next()) {
        }
        pthread_sigmask(SIG_SETMASK, &old_, nullptr);
    }

    [[nodiscard]] std::optional<siginfo_t> next() const
    {
        siginfo_t info{};
        const timespec none{};
        return sigtimedwait(&signals_, &info, &none) < 0 ? std::nullopt : std::optional(info);
    }

    /// Lets signals of the node come to this thread: plain SIGIO or, with a number, that one, with siginfo.
    static void ask(const Node& node, int number = 0)
    {
        const f_owner_ex owner{F_OWNER_TID, gettid()};
        must(fcntl(node.fd(), F_SETOWN_EX, &owner), "F_SETOWN_EX");
        must(fcntl(node.fd(), F_SETSIG, number), "F_SETSIG");
        must(fcntl(node.fd(), F_SETFL, O_NONBLOCK | O_ASYNC), "O_ASYNC");
    }

    void expect_next(const Node& node, int code, long band) const
    {
        const std::optional<siginfo_t> info = next();
        ASSERT_TRUE(info.has_value());
        EXPECT_EQ(info->si_signo, kQueued);
        EXPECT_EQ(info->si_code, code);
        EXPECT_EQ(info->si_fd, node.fd());
        EXPECT_EQ(info->si_band, band);
    }

    inline static const int kQueued = SIGRTMIN + 3;
    inline static constexpr long kIn = POLLIN | POLLRDNORM;
    inline static constexpr long kPri = POLLPRI | POLLRDBAND;
    inline static constexpr long kHup = POLLHUP | POLLERR;

private:
    sigset_t signals_{};
    sigset_t old_{};
};

TEST_F(KmodSignal, EachEventSendsOneThatSaysWhichFileAndWhetherUrgent)
{
    SimChannel channel("signal");
    const Node node(channel);
    ask(node, kQueued);
    ASSERT_EQ(channel.emit(1), 0);
    ASSERT_EQ(channel.emit(1, "", true), 0);
    ASSERT_EQ(channel.emit(1), 0);

    expect_next(node, POLL_IN, kIn);
    expect_next(node, POLL_PRI, kPri);
    expect_next(node, POLL_IN, kIn);
    EXPECT_FALSE(next()) << "one for each event";
}

TEST_F(KmodSignal, TheEndOfTheChannelSendsPollHup)
{
    SimChannel channel("signal");
    const Node node(channel);
    ask(node, kQueued);
    ASSERT_EQ(channel.remove(), 0);

    expect_next(node, POLL_HUP, kHup);
    EXPECT_FALSE(next());
    EXPECT_EQ(node.read_error(), -1) << "end of file";
}

TEST_F(KmodSignal, PlainSigioComesWithoutMore)
{
    SimChannel channel("signal");
    const Node node(channel);
    ask(node);
    ASSERT_EQ(channel.burst(3), 0);

    const std::optional<siginfo_t> info = next();
    ASSERT_TRUE(info.has_value());
    EXPECT_EQ(info->si_signo, SIGIO);
    EXPECT_EQ(info->si_code, SI_KERNEL);
    EXPECT_FALSE(next()) << "many events, one signal: it is not queued";
    EXPECT_EQ(sequences(node.read()), sequences(1, 3));
}

TEST_F(KmodSignal, EachReaderHasItsOwn)
{
    SimChannel channel("signal");
    const Node first(channel);
    const Node silent(channel);
    const Node second(channel);
    ask(first, kQueued);
    ask(second, kQueued);
    ASSERT_EQ(channel.emit(1), 0);

    const auto one = next();
    const auto other = next();
    ASSERT_TRUE(one && other);
    EXPECT_NE(one->si_fd, other->si_fd);
    EXPECT_EQ(one->si_fd + other->si_fd, first.fd() + second.fd());
    EXPECT_FALSE(next());
}

TEST_F(KmodSignal, NoneComesOnceItIsTurnedOffOrTheFileClosed)
{
    SimChannel channel("signal");
    const Node turned_off(channel);
    Node closed(channel);
    ask(turned_off, kQueued);
    ask(closed, kQueued);
    must(fcntl(turned_off.fd(), F_SETFL, O_NONBLOCK), "F_SETFL");
    closed.close();
    ASSERT_EQ(channel.emit(1), 0);
    ASSERT_EQ(channel.remove(), 0);

    EXPECT_FALSE(next());
}

TEST_F(KmodSignal, AnotherProcessMayBeTheOwner)
{
    SimChannel channel("signal");
    const Node node(channel);
    // The signals are blocked in it, too, until it waits for one.
    const pid_t child = fork();
    if (child == 0) {
        sigset_t awaited;
        sigemptyset(&awaited);
        sigaddset(&awaited, kQueued);
        siginfo_t info{};
        const bool right = sigwaitinfo(&awaited, &info) == kQueued && info.si_code == POLL_PRI;
        _exit(right ? 0 : 1);
    }
    ASSERT_GT(child, 0);
    must(fcntl(node.fd(), F_SETOWN, child), "F_SETOWN");
    must(fcntl(node.fd(), F_SETSIG, kQueued), "F_SETSIG");
    must(fcntl(node.fd(), F_SETFL, O_NONBLOCK | O_ASYNC), "O_ASYNC");
    ASSERT_EQ(channel.emit(1, "", true), 0);

    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_FALSE(next());
}

}  // namespace
}  // namespace drvbus::test

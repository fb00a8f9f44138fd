// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Asynchronous notification: SIGIO, and the signals of F_SETSIG.
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

/// Blocks the signals, so that they remain pending until the test fetches them. The signals of an event are sent before
/// the write that emits it returns, so the tests need not wait.
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

    /// Requests signals of the node for this thread: SIGIO, or the signal `number`, with siginfo.
    static void request(const Node& node, int number = 0)
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

TEST_F(KmodSignal, EachEventSendsASignalWithFileAndUrgency)
{
    SimChannel channel("signal");
    const Node node(channel);
    request(node, kQueued);
    ASSERT_EQ(channel.emit(1), 0);
    ASSERT_EQ(channel.emit(1, "", true), 0);
    ASSERT_EQ(channel.emit(1), 0);

    expect_next(node, POLL_IN, kIn);
    expect_next(node, POLL_PRI, kPri);
    expect_next(node, POLL_IN, kIn);
    EXPECT_FALSE(next()) << "more than one signal for each event";
}

TEST_F(KmodSignal, RemovalSendsPollHup)
{
    SimChannel channel("signal");
    const Node node(channel);
    request(node, kQueued);
    ASSERT_EQ(channel.remove(), 0);

    expect_next(node, POLL_HUP, kHup);
    EXPECT_FALSE(next());
    EXPECT_EQ(node.read_error(), -1) << "end of file";
}

TEST_F(KmodSignal, PlainSigioIsNotQueuedAndHasNoDetails)
{
    SimChannel channel("signal");
    const Node node(channel);
    request(node);
    ASSERT_EQ(channel.burst(3), 0);

    const std::optional<siginfo_t> info = next();
    ASSERT_TRUE(info.has_value());
    EXPECT_EQ(info->si_signo, SIGIO);
    EXPECT_EQ(info->si_code, SI_KERNEL);
    EXPECT_FALSE(next()) << "SIGIO is not queued";
    EXPECT_EQ(sequences(node.read()), sequences(1, 3));
}

TEST_F(KmodSignal, EachClientGetsItsOwnSignal)
{
    SimChannel channel("signal");
    const Node first(channel);
    const Node silent(channel);
    const Node second(channel);
    request(first, kQueued);
    request(second, kQueued);
    ASSERT_EQ(channel.emit(1), 0);

    const auto one = next();
    const auto other = next();
    ASSERT_TRUE(one && other);
    EXPECT_NE(one->si_fd, other->si_fd);
    EXPECT_EQ(one->si_fd + other->si_fd, first.fd() + second.fd());
    EXPECT_FALSE(next());
}

TEST_F(KmodSignal, ClearedOrClosedFileSendsNoSignal)
{
    SimChannel channel("signal");
    const Node turned_off(channel);
    Node closed(channel);
    request(turned_off, kQueued);
    request(closed, kQueued);
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
    // The child inherits the blocked signals, so none is lost before it waits.
    const pid_t child = fork();
    if (child == 0) {
        sigset_t awaited;
        sigemptyset(&awaited);
        sigaddset(&awaited, kQueued);
        siginfo_t info{};
        const bool as_expected = sigwaitinfo(&awaited, &info) == kQueued && info.si_code == POLL_PRI;
        _exit(as_expected ? 0 : 1);
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

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// SIGIO from pseudo-terminals, which behave like old drivers: each read returns one line.
#include <deque>
#include <string>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "daemon_test.hpp"

namespace drvbus::test {
namespace {

/// The parameter is the size of the queue of pending signals. Without space in it, the kernel sends SIGIO without the
/// number of the fd.
class TerminalSigio : public DaemonTest, public testing::WithParamInterface<rlim_t> {
protected:
    void start_terminals(const std::deque<Terminal>& terminals)
    {
        std::string configuration;
        for (std::size_t i = 0; i < terminals.size(); ++i)
            configuration += channel(name(i), terminals.at(i).path(),
                                     "records = \"raw\"\nformat = \"char line[]\"\nnotification = \"sigio\"\n");
        const rlimit pending{GetParam(), GetParam()};
        start(configuration, {{}, [pending] { setrlimit(RLIMIT_SIGPENDING, &pending); }});

        rlimit now{};
        must(prlimit(daemon().pid(), RLIMIT_SIGPENDING, nullptr, &now), "prlimit");
        ASSERT_EQ(now.rlim_cur, GetParam());
    }

    static std::string name(std::size_t terminal) { return "line" + std::to_string(terminal); }

    static std::string line(std::uint64_t number) { return "line " + std::to_string(number) + "\n"; }

    static void expect_all_lines(const Subscriber& subscriber, std::uint64_t count)
    {
        ASSERT_TRUE(subscriber.wait_for(count)) << summary(subscriber);
        const Received received = subscriber.received();
        ASSERT_EQ(received.gaps(count), "");
        for (const Event& event : received.events) {
            ASSERT_EQ(event.fields().at("line").get<std::string>(), line(event.sequence));
            ASSERT_EQ(event.id, 0U);
            ASSERT_EQ(event.name, "record");
        }
    }
};

TEST_P(TerminalSigio, ThousandLinesArePublishedInOrder)
{
    constexpr std::uint64_t kLines = 1000;
    const std::deque<Terminal> terminals(1);
    ASSERT_NO_FATAL_FAILURE(start_terminals(terminals));
    const Subscriber subscriber(name(0), bus().address());
    ASSERT_EQ(subscriber.channel().Notification(), "sigio");

    for (std::uint64_t i = 1; i <= kLines; ++i) {
        write_all(terminals.front().writer(), line(i));
        // A terminal buffers 4096 bytes. Lines written while it is full wait in another buffer until the reader makes
        // room. If the reader drains the terminal at the moment when the kernel's worker is about to mark it full, the
        // kernel sends no signal before the next line (no_room in drivers/tty/n_tty.c).
        if (i % 200 == 0) {
            ASSERT_TRUE(subscriber.wait_for(i)) << summary(subscriber);
        }
    }
    expect_all_lines(subscriber, kLines);
}

TEST_P(TerminalSigio, EachLineIsNotifiedSeparately)
{
    const std::deque<Terminal> terminals(1);
    ASSERT_NO_FATAL_FAILURE(start_terminals(terminals));
    const Subscriber subscriber(name(0), bus().address());

    // No further line is written that would make the daemon read a line whose signal it missed.
    for (std::uint64_t i = 1; i <= 100; ++i) {
        write_all(terminals.front().writer(), line(i));
        ASSERT_TRUE(subscriber.wait_for(i)) << summary(subscriber);
    }
    expect_all_lines(subscriber, 100);
}

TEST_P(TerminalSigio, ManyTerminalsArePublishedAtOnce)
{
    constexpr std::uint64_t kLines = 100;
    constexpr std::size_t kTerminals = 16;
    raise_file_limit(512);  // for the terminals, the subscribers and the daemon
    const std::deque<Terminal> terminals(kTerminals);
    ASSERT_NO_FATAL_FAILURE(start_terminals(terminals));
    std::deque<Subscriber> subscribers;
    for (std::size_t i = 0; i < kTerminals; ++i)
        subscribers.emplace_back(name(i), bus().address());

    for (std::uint64_t i = 1; i <= kLines; ++i) {
        for (const Terminal& terminal : terminals)
            write_all(terminal.writer(), line(i));
    }
    for (const Subscriber& subscriber : subscribers)
        expect_all_lines(subscriber, kLines);
}

INSTANTIATE_TEST_SUITE_P(Queue, TerminalSigio, testing::Values(rlim_t{1000}, rlim_t{0}),
                         [](const auto& pending) { return pending.param == 0 ? "IsFull" : "HasSpace"; });

}  // namespace
}  // namespace drvbus::test

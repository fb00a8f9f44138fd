// SPDX-License-Identifier: LGPL-2.1-or-later
//
// All calls at once, on channels that come and go. What it is about most is what the kernel's log says
// afterwards, which whoever runs the tests looks at.
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <list>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kmod_node.hpp"
#include "sim.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

class KmodHammer : public testing::Test {};
class KmodInterrupt : public testing::Test {};

/// What the threads have done, and what should not have happened.
struct Tally {
    std::atomic<bool> stop = false;
    std::atomic<std::uint64_t> visits = 0;
    std::atomic<std::uint64_t> events = 0;
    std::mutex mutex;
    std::set<std::string> wrong;

    void check(bool right, const std::string& what)
    {
        if (right)
            return;
        const std::lock_guard lock(mutex);
        wrong.insert(what);
    }
    /// Notes an error other than those that a call may have.
    void check_error(int error, const std::set<int>& expected, const std::string& what)
    {
        check(error == 0 || expected.contains(error), what + ": errno " + std::to_string(error));
    }
};

/// All calls on one open file, which other threads use at the same time.
void use(int fd, Tally& tally)
{
    std::array<char, 2048> buffer{};
    const ssize_t size = read(fd, buffer.data(), buffer.size());
    tally.check_error(error_of(size), {EAGAIN}, "read");
    std::uint64_t last = 0;
    if (size > 0) {
        for (const NodeRecord& record : parse_records({buffer.data(), static_cast<std::size_t>(size)})) {
            tally.check(record.sequence > last, "a sequence that runs back");
            last = record.sequence;
            ++tally.events;
        }
    }
    tally.check_error(error_of(pread(fd, buffer.data(), buffer.size(), 1)), {EAGAIN}, "pread");
    tally.check_error(error_of(lseek(fd, last % 2 == 0 ? 0 : -1, SEEK_END)), {EINVAL}, "lseek");

    const UniqueFd eventfd = make_eventfd();
    const std::int32_t given = eventfd.get();
    tally.check_error(error_of(ioctl(fd, DRVBUS_IOC_EVENTFD, &given)), {ENODEV}, "eventfd");
    pollfd entry{fd, POLLIN | POLLPRI, 0};
    tally.check(poll(&entry, 1, 0) >= 0 && (entry.revents & (POLLERR | POLLNVAL)) == 0, "poll");
    tally.check_error(error_of(fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC)), {}, "O_ASYNC");
    drvbus_info info{};
    tally.check_error(error_of(ioctl(fd, DRVBUS_IOC_INFO, &info)), {}, "info");
    tally.check(info.next_sequence >= info.oldest_sequence && info.next_sequence - info.oldest_sequence <= info.depth,
                "more events than the ring holds");
    if (last % 3 == 0)
        tally.check_error(error_of(fcntl(fd, F_SETFL, O_NONBLOCK)), {}, "F_SETFL");
    const std::int32_t none = -1;
    tally.check_error(error_of(ioctl(fd, DRVBUS_IOC_EVENTFD, &none)), {}, "eventfd taken back");
}

/// Opens the channel whenever it is there, and has a second thread use the same file.
void visit(const std::string& node, Tally& tally)
{
    while (!tally.stop) {
        const UniqueFd fd(open(node.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        if (!fd) {
            tally.check_error(errno, {ENOENT, ENODEV, ENXIO}, "open");
            continue;
        }
        const std::jthread other([&] { use(fd.get(), tally); });
        use(fd.get(), tally);
        ++tally.visits;
    }
}

TEST_F(KmodHammer, AllCallsWhileChannelsComeAndGo)
{
    constexpr int kRounds = 12;
    constexpr std::uint64_t kVisits = 20;
    SimChannel::Settings settings;
    settings.depth = 64;
    settings.payload_size = 8;
    Tally tally;
    {
        // They have no owner, so that none gets a signal for what they turn on.
        std::list<Caller> visitors;
        for (int i = 0; i < 3; ++i)
            visitors.emplace_back([&tally] { visit("/dev/drvbus/hammer", tally); });
        for (int round = 0; round < kRounds; ++round) {
            const SimChannel channel("hammer", settings);
            const std::uint64_t before = tally.visits;
            tally.check_error(channel.set("rate", "500"), {}, "rate");
            // The channel goes in the middle of it all, again and again.
            const bool visited = wait_until([&] {
                tally.check_error(channel.burst(300), {}, "burst");
                tally.check_error(channel.emit(1, "01", true), {}, "emit");
                return tally.visits >= before + kVisits;
            });
            tally.check(visited, "nobody came");
        }
        tally.stop = true;
    }

    EXPECT_EQ(tally.wrong, std::set<std::string>{});
    EXPECT_GE(tally.visits, kRounds * kVisits);
    EXPECT_GT(tally.events, 0U);
}

TEST_F(KmodHammer, AnEventfdThatIsExchangedAllTheTimeMissesNothing)
{
    SimChannel::Settings settings;
    settings.depth = 65'536;
    settings.payload_size = 4;
    const SimChannel channel("hammer", settings);
    const Node node(channel);
    std::atomic<bool> stop = false;
    std::atomic<std::uint64_t> exchanges = 0;
    std::atomic<int> error = 0;
    {
        const Caller swapper([&] {
            while (!stop) {
                const UniqueFd other = make_eventfd();
                error = error != 0 ? error.load() : node.set_eventfd(other.get());
                ++exchanges;
            }
        });
        const bool enough = wait_until([&] {
            error = error != 0 ? error.load() : channel.burst(100);
            return exchanges >= 200 || channel.sysfs("events") > 60'000;
        });
        stop = true;
        ASSERT_TRUE(enough);
    }
    ASSERT_EQ(error, 0);
    ASSERT_GT(exchanges, 0U);

    // The last one counts all that is there to read: nothing was read.
    const UniqueFd last = make_eventfd();
    ASSERT_EQ(node.set_eventfd(last.get()), 0);
    EXPECT_EQ(take(last.get()), channel.sysfs("events"));
}

TEST_F(KmodInterrupt, EveryEventFromAHardInterruptIsCountedAndRead)
{
    SimChannel::Settings settings;
    settings.depth = 65'536;
    settings.payload_size = 4;
    const SimChannel channel("interrupt", settings);
    const Node node(channel);
    const UniqueFd eventfd = make_eventfd();
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);

    ASSERT_EQ(channel.set("rate", "1000"), 0);
    std::vector<NodeRecord> records;
    std::uint64_t counted = 0;
    while (counted < 200) {
        pollfd entry{eventfd.get(), POLLIN, 0};
        ASSERT_EQ(poll(&entry, 1, static_cast<int>(std::chrono::milliseconds(kLimit).count())), 1);
        counted += take(eventfd.get());
        // The eventfd counts no event before it is there to read.
        std::ranges::move(node.read_all(), std::back_inserter(records));
        ASSERT_GE(records.size(), counted);
    }
    ASSERT_EQ(channel.set("rate", "0"), 0);
    counted += take(eventfd.get());
    std::ranges::move(node.read_all(), std::back_inserter(records));

    const std::uint64_t emitted = channel.sysfs("events");
    EXPECT_EQ(counted, emitted);
    EXPECT_EQ(sequences(records), sequences(1, emitted));
    for (const NodeRecord& record : records)
        ASSERT_EQ(record.payload, std::string(reinterpret_cast<const char*>(&record.sequence), 4));
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Concurrent calls of all kinds on channels that are created and removed meanwhile. The most important result is the
// kernel log, which the test script checks afterwards.
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <list>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kmod_node.hpp"
#include "sim.hpp"
#include "support/process.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

class KmodHammer : public testing::Test {};
class KmodInterrupt : public testing::Test {};

/// Counters of what the threads have done, and the errors they have found.
struct Tally {
    std::atomic<bool> stop = false;
    std::atomic<std::uint64_t> visits = 0;
    std::atomic<std::uint64_t> events = 0;
    std::atomic<std::uint64_t> waits = 0;
    std::mutex mutex;
    std::set<std::string> errors;

    void check(bool condition, const std::string& what)
    {
        if (condition)
            return;
        const std::lock_guard lock(mutex);
        errors.insert(what);
    }
    /// Records an error number that is not expected.
    void check_error(int error, const std::set<int>& expected, const std::string& what)
    {
        check(error == 0 || expected.contains(error), what + ": errno " + std::to_string(error));
    }
};

/// The channel under test.
struct Target {
    std::string name;
    bool legacy;

    [[nodiscard]] std::string node() const { return "/dev/drvbus/" + name; }
    /// The expected errors of a call that fails with `missing` on a legacy node.
    [[nodiscard]] std::set<int> errors(int missing, std::set<int> others = {}) const
    {
        if (legacy)
            others.insert(missing);
        return others;
    }
};

/// One open file, which two threads use at the same time.
class SharedFile {
public:
    SharedFile(const Target& target, int fd, Tally& tally) : target_(target), fd_(fd), tally_(tally) {}

    void use_all()
    {
        read();
        seek();
        notify();
        wait();
        inspect();
        map();
    }

private:
    void read()
    {
        std::array<char, 2048> buffer{};
        const ssize_t size = ::read(fd_, buffer.data(), buffer.size());
        tally_.check_error(error_of(size), {EAGAIN}, "read");
        last_ = 0;
        if (size > 0) {
            for (const NodeRecord& record : parse_records({buffer.data(), static_cast<std::size_t>(size)})) {
                tally_.check(record.sequence > last_, "a sequence that decreases");
                last_ = record.sequence;
                ++tally_.events;
            }
        }
        tally_.check_error(error_of(pread(fd_, buffer.data(), buffer.size(), 1)), target_.errors(ESPIPE, {EAGAIN}),
                           "pread");
    }

    void seek() const
    {
        const std::set<int> errors = target_.errors(ESPIPE, {EINVAL});
        tally_.check_error(error_of(lseek(fd_, last_ % 2 == 0 ? 0 : -1, SEEK_END)), errors, "SEEK_END");
        tally_.check_error(error_of(lseek(fd_, -1, SEEK_CUR)), errors, "SEEK_CUR");
        tally_.check_error(error_of(lseek(fd_, static_cast<off_t>(last_), SEEK_SET)), errors, "SEEK_SET");
    }

    void notify() const
    {
        const UniqueFd eventfd = make_eventfd();
        const std::int32_t given = eventfd.get();
        tally_.check_error(error_of(ioctl(fd_, DRVBUS_IOC_EVENTFD, &given)), target_.errors(ENOTTY, {ENODEV}),
                           "eventfd");
        // With and without an owner: only with an owner is a signal sent.
        tally_.check_error(error_of(fcntl(fd_, F_SETOWN, last_ % 2 == 0 ? getpid() : 0)), {}, "F_SETOWN");
        tally_.check_error(error_of(fcntl(fd_, F_SETFL, O_NONBLOCK | O_ASYNC)), {}, "O_ASYNC");
        if (last_ % 3 == 0)
            tally_.check_error(error_of(fcntl(fd_, F_SETFL, O_NONBLOCK)), {}, "F_SETFL");
    }

    /// Enters the channel's wait queue and leaves it, by poll(), epoll and closing.
    void wait() const
    {
        pollfd entry{fd_, static_cast<short>(last_ % 2 == 0 ? POLLPRI : POLLIN | POLLPRI), 0};
        tally_.check(poll(&entry, 1, 2) >= 0 && (entry.revents & (POLLERR | POLLNVAL)) == 0, "poll");
        const UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
        epoll_event event{EPOLLIN | EPOLLPRI | EPOLLET, {}};
        tally_.check_error(error_of(epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd_, &event)), target_.errors(EPERM),
                           "EPOLL_CTL_ADD");
        tally_.check_error(error_of(epoll_wait(epoll.get(), &event, 1, 0)), {}, "epoll_wait");
    }

    void inspect() const
    {
        drvbus_info info{};
        tally_.check_error(error_of(ioctl(fd_, DRVBUS_IOC_INFO, &info)), target_.errors(ENOTTY), "info");
        tally_.check(info.next_sequence >= info.oldest_sequence &&
                         info.next_sequence - info.oldest_sequence <= info.depth,
                     "more events than the ring stores");
        const std::int32_t none = -1;
        tally_.check_error(error_of(ioctl(fd_, DRVBUS_IOC_EVENTFD, &none)), target_.errors(ENOTTY),
                           "unregistering the eventfd");
        // Also while the channel is being removed.
        read_file("/sys/class/drvbus/" + target_.name + "/readers");
    }

    void map() const
    {
        const void* const pages = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd_, 0);
        tally_.check(pages == MAP_FAILED && errno == ENODEV, "mmap");
    }

    const Target& target_;
    int fd_;
    Tally& tally_;
    std::uint64_t last_ = 0;
};

/// Opens the channel whenever it exists, and uses the file in two threads.
void visit(const Target& target, Tally& tally)
{
    while (!tally.stop) {
        const UniqueFd fd(open(target.node().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        if (!fd) {
            tally.check_error(errno, {ENOENT, ENODEV, ENXIO}, "open");
            continue;
        }
        const std::jthread other([&] { SharedFile(target, fd.get(), tally).use_all(); });
        SharedFile(target, fd.get(), tally).use_all();
        ++tally.visits;
    }
}

/// Blocks in read() until the channel is removed.
void wait_in_read(const Target& target, Tally& tally)
{
    while (!tally.stop) {
        const UniqueFd fd(open(target.node().c_str(), O_RDONLY | O_CLOEXEC));
        std::array<char, 2048> buffer{};
        while (fd && read(fd.get(), buffer.data(), buffer.size()) > 0)
            ++tally.waits;
    }
}

/// Ignores SIGIO for its lifetime.
class IgnoredSigio {
public:
    IgnoredSigio() { old_ = std::signal(SIGIO, SIG_IGN); }
    IgnoredSigio(const IgnoredSigio&) = delete;
    IgnoredSigio& operator=(const IgnoredSigio&) = delete;
    ~IgnoredSigio() { std::signal(SIGIO, old_); }

private:
    void (*old_)(int);
};

void make_events(const SimChannel& channel, Tally& tally)
{
    tally.check_error(channel.burst(100), {}, "burst");
    tally.check_error(channel.emit(1, "01", true), {}, "emit");
}

TEST_F(KmodHammer, AllCallsWorkWhileChannelsAreCreatedAndRemoved)
{
    constexpr int kRounds = 12;
    constexpr std::uint64_t kVisits = 20;
    SimChannel::Settings settings;
    settings.depth = 64;
    settings.payload_size = 8;
    SimChannel::Settings legacy_settings = settings;
    legacy_settings.legacy = true;
    const IgnoredSigio ignored;
    const Target target{"hammer", false};
    const Target legacy{"hammer-legacy", true};
    Tally tally;
    {
        std::list<Caller> visitors;
        for (int i = 0; i < 2; ++i)
            visitors.emplace_back([&] { visit(target, tally); });
        visitors.emplace_back([&] { visit(legacy, tally); });
        visitors.emplace_back([&] { wait_in_read(target, tally); });
        visitors.emplace_back([&] { wait_in_read(legacy, tally); });
        for (int round = 0; round < kRounds; ++round) {
            const SimChannel channel(target.name, settings);
            const SimChannel other(legacy.name, legacy_settings);
            const std::uint64_t before = tally.visits;
            // The generator emits in hard interrupt context, this thread in process context.
            tally.check_error(channel.set("rate", "500"), {}, "rate");
            tally.check_error(other.set("rate", "100"), {}, "rate");
            // The channels are removed while the visitors use them.
            const bool visited = wait_until([&] {
                make_events(channel, tally);
                make_events(other, tally);
                return tally.visits >= before + kVisits;
            });
            tally.check(visited, "too few visits");
        }
        tally.stop = true;
    }

    EXPECT_EQ(tally.errors, std::set<std::string>{});
    EXPECT_GE(tally.visits, kRounds * kVisits);
    EXPECT_GT(tally.events, 0U);
    EXPECT_GT(tally.waits, 0U);
}

TEST_F(KmodHammer, ConcurrentRegistrationMissesNoEvent)
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

    // No event was read, so the registration counts all of them.
    const UniqueFd last = make_eventfd();
    ASSERT_EQ(node.set_eventfd(last.get()), 0);
    EXPECT_EQ(read_counter(last.get()), channel.sysfs("events"));
}

TEST_F(KmodInterrupt, EveryEventFromHardInterruptContextIsCountedAndRead)
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
        counted += read_counter(eventfd.get());
        // The eventfd must not count an event before it can be read.
        std::ranges::move(node.read_all(), std::back_inserter(records));
        ASSERT_GE(records.size(), counted);
    }
    ASSERT_EQ(channel.set("rate", "0"), 0);
    counted += read_counter(eventfd.get());
    std::ranges::move(node.read_all(), std::back_inserter(records));

    const std::uint64_t emitted = channel.sysfs("events");
    EXPECT_EQ(counted, emitted);
    EXPECT_EQ(sequences(records), sequences(1, emitted));
    for (const NodeRecord& record : records)
        ASSERT_EQ(record.payload, std::string(reinterpret_cast<const char*>(&record.sequence), 4));
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The example driver.
#include <cstdint>
#include <cstring>
#include <ctime>
#include <list>
#include <string>

#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "kmod_node.hpp"
#include "support/process.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kSecond = 1000 * kMillisecond;

/// The payload, as described by the channel's format.
struct Beat {
    std::uint32_t count;
    std::uint32_t late_ms;
};

Beat beat_of(const NodeRecord& record)
{
    Beat beat{};
    if (record.payload.size() == sizeof(beat))
        std::memcpy(&beat, record.payload.data(), sizeof(beat));
    return beat;
}

class KmodHeartbeat : public testing::Test {
protected:
    KmodHeartbeat() { load("heartbeat"); }
    ~KmodHeartbeat() override
    {
        if (access("/sys/module/heartbeat", F_OK) == 0)
            unload("heartbeat");
    }

    /// Waits for events, of which there is one each second. @returns nothing on a timeout
    static std::vector<NodeRecord> beats(const Node& node)
    {
        pollfd entry{node.fd(), POLLIN, 0};
        return ::poll(&entry, 1, static_cast<int>(std::chrono::milliseconds(kLimit).count())) == 1
                   ? node.read()
                   : std::vector<NodeRecord>{};
    }
};

TEST_F(KmodHeartbeat, ChannelExistsWhileTheModuleIsLoaded)
{
    EXPECT_EQ(read_file("/sys/class/drvbus/heartbeat/format"), "u32 beat; u32 late_ms\n");
    EXPECT_EQ(read_file("/sys/class/drvbus/heartbeat/event_names"), "1 beat\n2 late\n");
    const Node node("/dev/drvbus/heartbeat");
    ASSERT_EQ(unload("heartbeat"), 0);

    EXPECT_NE(access("/sys/class/drvbus/heartbeat", F_OK), 0);
    EXPECT_NE(node.poll() & POLLHUP, 0);
    load("heartbeat");
    EXPECT_EQ(access("/dev/drvbus/heartbeat", F_OK), 0);
}

TEST_F(KmodHeartbeat, BeatsAreNumberedAndAtLeastASecondApart)
{
    const Node node("/dev/drvbus/heartbeat");
    std::vector<NodeRecord> seen;
    while (seen.size() < 3) {
        const auto more = beats(node);
        ASSERT_FALSE(more.empty()) << "no event for too long";
        seen.insert(seen.end(), more.begin(), more.end());
    }

    for (std::size_t i = 0; i < seen.size(); ++i) {
        const NodeRecord& record = seen.at(i);
        const Beat beat = beat_of(record);
        EXPECT_EQ(record.sequence, i + 1);
        EXPECT_EQ(beat.count, i + 1);
        const bool late = beat.late_ms > 100;
        EXPECT_EQ(record.id, late ? 2U : 1U);
        EXPECT_EQ(record.flags, late ? DRVBUS_EVENT_URGENT : 0U);
        // The driver's timer has the resolution of a jiffy, which is at most 10 ms.
        if (i > 0) {
            EXPECT_GE(record.time_ns + 10 * kMillisecond, seen.at(i - 1).time_ns + kSecond);
        }
    }
}

timespec at(std::uint64_t time_ns)
{
    return {static_cast<time_t>(time_ns / kSecond), static_cast<long>(time_ns % kSecond)};
}

/// Occupies a processor with real-time priority from `from` to `to`, so that the driver's work item runs late.
void hog(int processor, std::uint64_t from, std::uint64_t to)
{
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(static_cast<unsigned>(processor), &only);
    const sched_param priority{1};
    if (sched_setaffinity(0, sizeof(only), &only) != 0 || sched_setscheduler(0, SCHED_FIFO, &priority) != 0)
        return;
    timespec time = at(from);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr);
    const timespec end = at(to);
    do
        clock_gettime(CLOCK_MONOTONIC, &time);
    while (time.tv_sec < end.tv_sec || (time.tv_sec == end.tv_sec && time.tv_nsec < end.tv_nsec));
}

TEST_F(KmodHeartbeat, LateBeatIsUrgentAndHasItsOwnId)
{
    const Node node("/dev/drvbus/heartbeat");
    NodeRecord late{};
    const bool found = wait_until([&] {
        for (const NodeRecord& record : beats(node)) {
            if (record.id == 2)
                late = record;
            // Around the next beat, and shorter than the limit for real-time tasks.
            const std::uint64_t due = record.time_ns + kSecond;
            std::list<Caller> hogs;
            for (long processor = 0; processor < sysconf(_SC_NPROCESSORS_ONLN); ++processor)
                hogs.emplace_back(
                    [=] { hog(static_cast<int>(processor), due - 200 * kMillisecond, due + 300 * kMillisecond); });
        }
        return late.id == 2;
    });

    ASSERT_TRUE(found);
    EXPECT_EQ(late.flags, DRVBUS_EVENT_URGENT);
    EXPECT_GT(beat_of(late).late_ms, 100U);
}

}  // namespace
}  // namespace drvbus::test

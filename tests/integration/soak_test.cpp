// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Events at a fixed rate for a long time: nothing is lost, and the daemon's memory does not grow. DRVBUS_SOAK_SECONDS
// and DRVBUS_SOAK_RATE set the duration and the rate (scripts/soak); the default is a few seconds.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "daemon_test.hpp"
#include "support/io.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

/// A subscriber that counts events without storing them.
class Counter final : public sdbus::ProxyInterfaces<org::drvbus1::Channel_proxy> {
public:
    Counter(sdbus::IConnection& connection, const std::string& channel)
        : ProxyInterfaces(connection, bus::ServiceName("org.drvbus1"), sdbus::ObjectPath(channel_path(channel)))
    {
        registerProxy();
    }
    Counter(const Counter&) = delete;
    Counter& operator=(const Counter&) = delete;
    ~Counter() { unregisterProxy(); }

    /// Number of events received.
    [[nodiscard]] std::uint64_t count() const { return count_; }
    /// Whether the events were received in order and without a gap.
    [[nodiscard]] bool in_order() const { return in_order_; }

private:
    void onEvent(const std::string& /*name*/, const std::uint64_t& sequence, const std::uint64_t& /*time*/,
                 const std::uint32_t& /*id*/, const sdbus::Variant& /*data*/) override
    {
        in_order_ = in_order_ && sequence == count_ + 1;
        ++count_;
    }
    void onLost(const std::uint64_t& /*first*/, const std::uint64_t& /*count*/) override { in_order_ = false; }

    std::atomic<std::uint64_t> count_ = 0;
    std::atomic<bool> in_order_ = true;
};

// In KiB. A sanitizer keeps freed memory in a quarantine of 256 MiB.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kMaxGrowth = 524'288;
#else
constexpr std::uint64_t kMaxGrowth = 256;
#endif

class Soak : public DaemonTest {
protected:
    /// Anonymous memory of the daemon, in KiB. Pages of files are private or shared depending on other processes.
    [[nodiscard]] std::uint64_t memory()
    {
        return sum_of("Anonymous:", "/proc/" + std::to_string(daemon().pid()) + "/smaps_rollup");
    }

    /// Sends the events that are due by now: `rate` a second since `start`.
    void send_due(std::chrono::steady_clock::time_point start, std::uint64_t rate)
    {
        const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
        const auto due = static_cast<std::uint64_t>(passed.count() * static_cast<double>(rate));
        std::string records;
        while (sent_ < due && records.size() < 32768) {
            ++sent_;
            records += record({.sequence = sent_}, packed(sent_));
        }
        if (!records.empty())
            write_all(writer_.get(), records);
    }

    Fifo fifo_{path("sensor")};
    UniqueFd writer_;
    std::uint64_t sent_ = 0;
};

TEST_F(Soak, SteadyRateLosesNothingAndMemoryDoesNotGrow)
{
    const std::chrono::seconds seconds(number_in_environment("DRVBUS_SOAK_SECONDS", 4));
    const std::uint64_t rate = number_in_environment("DRVBUS_SOAK_RATE", 10'000);
    start(channel("sensor", fifo_.path(), "format = \"u64 count\"\n"), {{}, disable_huge_pages});
    writer_ = fifo_.open_writer();
    const auto connection = connect(bus().address());
    Counter counter(*connection, "sensor");
    connection->enterEventLoopAsync();

    const auto start = std::chrono::steady_clock::now();
    std::uint64_t first = 0;  // after two seconds, when all caches and buffers are allocated
    std::uint64_t most = 0;
    auto next_check = start + 1s;
    while (sent_ < rate * static_cast<std::uint64_t>(seconds.count())) {
        send_due(start, rate);
        if (first == 0 && sent_ > 2 * rate)
            first = memory();
        std::this_thread::sleep_for(1ms);  // pacing only: the events due are computed from the clock
        if (std::chrono::steady_clock::now() < next_check)
            continue;
        next_check += 1s;
        most = std::max(most, memory());
    }
    ASSERT_TRUE(wait_until([&] { return counter.count() >= sent_; })) << counter.count() << " of " << sent_;
    EXPECT_TRUE(counter.in_order());
    EXPECT_EQ(counter.count(), sent_);
    EXPECT_EQ(counter.EventsLost(), 0U);
    EXPECT_EQ(counter.EventsPublished(), sent_);
    EXPECT_LE(memory(), first + kMaxGrowth) << "KiB";
    std::cout << "soak: " << seconds.count() << " s, " << sent_ << " events, 0 lost; anonymous memory of drvbusd "
              << first << " KiB at first, " << most << " KiB at most, " << memory() << " KiB at the end" << std::endl;
    connection->leaveEventLoop();
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Events flow for long, at a rate: nothing is lost, and the daemon's memory does not grow. Some seconds of it in
// each run; how many, and how fast, is in the environment (scripts/soak).
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

/// A subscriber that keeps nothing of what it gets.
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

    /// What came in order, without a gap.
    [[nodiscard]] std::uint64_t came() const { return came_; }
    [[nodiscard]] bool in_order() const { return in_order_; }

private:
    void onEvent(const std::string& /*name*/, const std::uint64_t& sequence, const std::uint64_t& /*time*/,
                 const std::uint32_t& /*id*/, const sdbus::Variant& /*data*/) override
    {
        in_order_ = in_order_ && sequence == came_ + 1;
        ++came_;
    }
    void onLost(const std::uint64_t& /*first*/, const std::uint64_t& /*count*/) override { in_order_ = false; }

    std::atomic<std::uint64_t> came_ = 0;
    std::atomic<bool> in_order_ = true;
};

// KiB. A sanitizer keeps what has been freed, a quarter of a gigabyte of it.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kMayGrow = 524'288;
#else
constexpr std::uint64_t kMayGrow = 256;
#endif

class Soak : public DaemonTest {
protected:
    /// Of the daemon alone, in KiB.
    [[nodiscard]] std::uint64_t memory()
    {
        return sum_of("Private_", "/proc/" + std::to_string(daemon().pid()) + "/smaps_rollup");
    }

    /// Sends what is due by now, at `rate` since `start`.
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

    Fifo fifo_{path("way")};
    UniqueFd writer_;
    std::uint64_t sent_ = 0;
};

TEST_F(Soak, NothingIsLostAndMemoryDoesNotGrow)
{
    const std::chrono::seconds seconds(number_in_environment("DRVBUS_SOAK_SECONDS", 4));
    const std::uint64_t rate = number_in_environment("DRVBUS_SOAK_RATE", 10'000);
    start(channel("way", fifo_.path(), "format = \"u64 count\"\n"));
    writer_ = fifo_.open_writer();
    const auto connection = connect(bus().address());
    Counter counter(*connection, "way");
    connection->enterEventLoopAsync();

    const auto start = std::chrono::steady_clock::now();
    std::uint64_t first = 0;  // once everything has been used that is used at all
    std::uint64_t most = 0;
    auto look = start + 1s;
    while (sent_ < rate * static_cast<std::uint64_t>(seconds.count())) {
        send_due(start, rate);
        if (first == 0 && sent_ > 2 * rate)
            first = memory();
        std::this_thread::sleep_for(1ms);  // what is due is computed from the time, and does not depend on this
        if (std::chrono::steady_clock::now() < look)
            continue;
        look += 1s;
        most = std::max(most, memory());
    }
    ASSERT_TRUE(wait_until([&] { return counter.came() >= sent_; })) << counter.came() << " of " << sent_;
    EXPECT_TRUE(counter.in_order());
    EXPECT_EQ(counter.came(), sent_);
    EXPECT_EQ(counter.EventsLost(), 0U);
    EXPECT_EQ(counter.EventsPublished(), sent_);
    EXPECT_LE(memory(), first + kMayGrow) << "KiB";
    std::cout << "soak: " << seconds.count() << " s, " << sent_ << " events, 0 lost; private memory of drvbusd "
              << first << " KiB at first, " << most << " KiB at most, " << memory() << " KiB in the end" << std::endl;
    connection->leaveEventLoop();
}

}  // namespace
}  // namespace drvbus::test

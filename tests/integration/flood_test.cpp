// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Devices that do not match their channel's configuration or that misbehave: the daemon reports what is wrong and
// retries at a limited rate, and other channels are not affected.
#include <atomic>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "daemon_test.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

using testing::HasSubstr;

/// A stream socket that accepts connections and closes each of them immediately.
class ClosingServer {
public:
    explicit ClosingServer(const std::string& path) : socket_(bind_socket(path, SOCK_STREAM))
    {
        must(listen(socket_.get(), 8), "listen");
        thread_ = std::thread([this] {
            while (!stop_) {
                const UniqueFd connection(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
                ++accepted_;
            }
        });
    }
    ClosingServer(const ClosingServer&) = delete;
    ClosingServer& operator=(const ClosingServer&) = delete;
    ~ClosingServer()
    {
        stop_ = true;
        shutdown(socket_.get(), SHUT_RDWR);
        thread_.join();
    }

    [[nodiscard]] int accepted() const { return accepted_; }

private:
    UniqueFd socket_;
    std::atomic<bool> stop_ = false;
    std::atomic<int> accepted_ = 0;
    std::thread thread_;
};

class Flood : public DaemonTest {
protected:
    [[nodiscard]] std::chrono::nanoseconds cpu_time()
    {
        return std::chrono::nanoseconds(
            std::stoull(read_file("/proc/" + std::to_string(daemon().pid()) + "/schedstat")));
    }

    /// Waits until the channel is in the state "retrying" with a reason that contains `reason`.
    void expect_retrying(const std::string& name, const std::string& reason)
    {
        const Subscriber subscriber(name, bus().address());
        std::string state;
        EXPECT_TRUE(wait_until([&] {
            state = subscriber.channel().State() + ": " + subscriber.channel().Reason();
            return state.starts_with("retrying: ") && state.find(reason) != std::string::npos;
        })) << name
            << " is " << state;
    }
};

// All ways in which a device can misbehave, at the same time. /dev/random is always readable.
TEST_F(Flood, BadDevicesAreRetriedAtLowCostWithoutAffectingOthers)
{
    const Fifo good(path("good"));
    const Fifo no_terminal(path("no-terminal"));
    const ClosingServer closing_server(path("closing"));
    start(channel("wrong-format", "/dev/random",
                  "shared = true\nrecords = \"fixed\"\nformat = \"u8 bytes[24]\"\nnotification = \"poll\"\n") +
          channel("ioctl-fails", no_terminal.path(), "setup = [{ ioctl = 0x5401, format = \"u8 x[64]\" }]\n") +
          channel("floods", "/dev/random",
                  "shared = true\nrecords = \"fixed\"\nformat = \"u8 bytes[32]\"\nflood = 10000\n") +
          channel("hangs-up", path("closing"), "preset = \"fifo\"\n") +
          channel("empty", "/sys/kernel/uevent_seqnum", "records = \"snapshot\"\nnotification = \"poll\"\n") +
          channel("good", good.path()));
    expect_retrying("wrong-format", "a read of the device returns 65536 bytes, the format takes 24");
    expect_retrying("ioctl-fails", "ioctl 0x5401: Inappropriate ioctl for device");
    expect_retrying("floods", "the device floods: it has had 10000 events or more without being drained");
    expect_retrying("hangs-up", "the device hung up");
    expect_retrying("empty", "reports the device as readable, but a read finds nothing. Set priority = true");

    // By now, the retry interval of each of them is several seconds.
    const auto begin = cpu_time();
    const Subscriber subscriber("good", bus().address());
    const UniqueFd writer = good.open_writer();
    constexpr std::chrono::seconds kWindow{10};
    constexpr int kPerSecond = 10;
    std::uint64_t sequence = 0;
    for (int tick = 0; tick < kWindow.count() * kPerSecond; ++tick) {
        write_all(writer.get(), record({.sequence = ++sequence}));
        ASSERT_TRUE(subscriber.wait_for(sequence)) << summary(subscriber);
        ASSERT_FALSE(daemon().wait(std::chrono::milliseconds(1000 / kPerSecond)));
    }
    RecordProperty("cpu_us", static_cast<int>((cpu_time() - begin).count() / 1000));
    EXPECT_LT((cpu_time() - begin) * 100, kWindow) << "the daemon used more than 1 % of a core";
    EXPECT_EQ(subscriber.received().gaps(sequence), "");
    EXPECT_LT(closing_server.accepted(), 20) << "the retry interval does not grow";
}

TEST_F(Flood, DeviceIsReadAgainAfterAPauseWithoutLoss)
{
    const Fifo fifo(path("sensor"));
    const UniqueFd holder(must(open(fifo.path().c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC), "open"));
    // More than one turn of the channel publishes (16 KiB), so that events wait in the FIFO during a pause. Each pause
    // is twice as long as the previous one.
    constexpr std::uint64_t kCount = 600;
    for (std::uint64_t sequence = 1; sequence <= kCount; ++sequence)
        ASSERT_TRUE(write_once(holder.get(), record({.sequence = sequence})));
    const Subscriber subscriber("sensor", bus().address());
    start(channel("sensor", fifo.path(), "flood = 100\n"));
    EXPECT_THAT(reason_for("retrying", subscriber), HasSubstr("floods"));
    EXPECT_EQ(reason_for("online", subscriber), "");
    ASSERT_TRUE(subscriber.wait_for(kCount)) << summary(subscriber);
    EXPECT_EQ(subscriber.received().gaps(kCount), "") << "events were lost during the pause";
}

}  // namespace
}  // namespace drvbus::test

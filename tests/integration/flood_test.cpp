// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Devices that are not as their channel says, or not as a device should be: the daemon stays calm, says what is
// wrong, and all others flow.
#include <atomic>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "daemon_test.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

using testing::HasSubstr;

/// Takes connections, and closes each at once.
class HangingUp {
public:
    explicit HangingUp(const std::string& path)
        : socket_(must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof(address.sun_path) - 1);
        must(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), "bind");
        must(listen(socket_.get(), 8), "listen");
        thread_ = std::thread([this] {
            while (!done_) {
                const UniqueFd connection(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
                ++taken_;
            }
        });
    }
    HangingUp(const HangingUp&) = delete;
    HangingUp& operator=(const HangingUp&) = delete;
    ~HangingUp()
    {
        done_ = true;
        shutdown(socket_.get(), SHUT_RDWR);
        thread_.join();
    }

    [[nodiscard]] int taken() const { return taken_; }

private:
    UniqueFd socket_;
    std::atomic<bool> done_ = false;
    std::atomic<int> taken_ = 0;
    std::thread thread_;
};

class CalmTest : public DaemonTest {
protected:
    [[nodiscard]] std::chrono::nanoseconds cpu()
    {
        return std::chrono::nanoseconds(
            std::stoull(read_file("/proc/" + std::to_string(daemon().pid()) + "/schedstat")));
    }

    /// Waits until the channel has said that it retries, and why.
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

// Whatever can be wrong with a device, at once. /dev/random always has something to read.
TEST_F(CalmTest, BadDevicesAreRetriedAndCostNothingAndAllOthersFlow)
{
    const Fifo good(path("good"));
    const Fifo deaf(path("deaf"));
    const HangingUp hanging_up(path("hanging-up"));
    start(channel("wrong-format", "/dev/random",
                  "records = \"fixed\"\nformat = \"u8 bytes[24]\"\nnotification = \"poll\"\n") +
          channel("ioctl-fails", deaf.path(), "setup = [{ ioctl = 0x5401, format = \"u8 x[64]\" }]\n") +
          channel("floods", "/dev/random", "records = \"fixed\"\nformat = \"u8 bytes[32]\"\nflood = 10000\n") +
          channel("hangs-up", path("hanging-up"), "preset = \"fifo\"\n") +
          channel("empty", "/sys/kernel/uevent_seqnum", "records = \"snapshot\"\nnotification = \"poll\"\n") +
          channel("good", good.path()));
    expect_retrying("wrong-format", "the device hands out 65536 bytes at once, the format takes 24");
    expect_retrying("ioctl-fails", "ioctl 0x5401: Inappropriate ioctl for device");
    expect_retrying("floods", "the device floods: it has had 10000 events and more without a break");
    expect_retrying("hangs-up", "the device hung up");
    expect_retrying("empty", "says that it can be read, and then there is nothing to read; set priority = true");

    // By then each of them is left alone for some seconds.
    const auto begin = cpu();
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
    EXPECT_LT((cpu() - begin) * 100, kWindow) << "it has used more than 1 % of a core";
    EXPECT_EQ(subscriber.received().gaps(sequence), "");
    EXPECT_LT(hanging_up.taken(), 20) << "it is tried again ever more rarely";
}

TEST_F(CalmTest, ADeviceThatFloodedGoesOnWhenItHasHadABreak)
{
    const Fifo fifo(path("way"));
    const UniqueFd holder(must(open(fifo.path().c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC), "open"));
    std::uint64_t sequence = 0;
    while (write_once(holder.get(), record({.sequence = sequence + 1})))
        ++sequence;
    const Subscriber subscriber("way", bus().address());
    start(channel("way", fifo.path(), "flood = 100\n"));
    EXPECT_THAT(reason_for("retrying", subscriber), HasSubstr("floods"));
    EXPECT_EQ(reason_for("online", subscriber), "");
    ASSERT_TRUE(subscriber.wait_for(sequence)) << summary(subscriber);
    EXPECT_EQ(subscriber.received().gaps(sequence), "") << "it is kept waiting, and nothing is lost";
}

}  // namespace
}  // namespace drvbus::test

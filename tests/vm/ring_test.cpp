// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Each event in a channel's ring is published once, even when the daemon's checkpoint is unusable.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fault.hpp"
#include "service.hpp"
#include "sim.hpp"
#include "support/process.hpp"
#include "support/subscriber.hpp"

namespace drvbus::test {
namespace {

class Ring : public testing::Test {
protected:
    explicit Ring(const SimChannel::Settings& settings = {}) : channel_("ring", settings)
    {
        if (!wait_for_channel("ring"))
            throw std::runtime_error("the channel is not on the bus");
        subscriber_.emplace("ring");
    }

    [[nodiscard]] bool wait_for_event(std::uint64_t sequence) const
    {
        return subscriber_->wait([sequence](const Received& received) {
            return !received.events.empty() && received.events.back().sequence == sequence;
        });
    }

    SimChannel channel_;
    std::optional<Subscriber> subscriber_;
};

/// Changes the magic number of the running daemon's checkpoints to that of another release.
void make_checkpoints_foreign()
{
    const std::string directory = "/proc/" + std::to_string(daemon_pid()) + "/fd";
    int changed = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        std::error_code closed;
        if (std::filesystem::read_symlink(entry, closed).string().find("drvbus-checkpoint") == std::string::npos)
            continue;
        std::fstream(entry.path(), std::ios::in | std::ios::out | std::ios::binary) << "drvbusL0";
        ++changed;
    }
    ASSERT_GT(changed, 0) << "the daemon has no checkpoint";
}

TEST_F(Ring, CheckpointOfAnotherReleaseLosesOnlyTheCounters)
{
    ASSERT_EQ(channel_.burst(100), 0);
    ASSERT_TRUE(wait_for_event(100));
    ASSERT_TRUE(wait_until([&] { return subscriber_->channel().EventsPublished() == 100; }));
    const Journal journal;
    make_checkpoints_foreign();
    inject(Fault::kill);
    ASSERT_TRUE(wait_for_channel("ring"));
    ASSERT_EQ(channel_.burst(1), 0);
    ASSERT_TRUE(wait_for_event(101));
    // The killed daemon may not have committed the last event that it published.
    EXPECT_LE(subscriber_->received().events.size(), 102U);
    EXPECT_LE(subscriber_->channel().EventsPublished(), 2U);
    EXPECT_TRUE(journal.shows("another release of drvbusd wrote it")) << journal.messages();
}

TEST_F(Ring, IsDrainedWhenAnotherDeviceGetsTheName)
{
    ASSERT_EQ(channel_.burst(1), 0);
    ASSERT_TRUE(wait_for_event(1));
    const std::string fifo = "/run/ring-of-another";
    ASSERT_EQ(run({"mkfifo", "-m", "666", fifo}).status, 0);
    std::filesystem::create_directories("/etc/drvbus/drvbusd.toml.d");
    const std::string file = "/etc/drvbus/drvbusd.toml.d/ring.toml";
    {
        const StoppedDaemon stopped;
        ASSERT_EQ(channel_.burst(99), 0);
        std::ofstream(file) << "[[channel]]\nname = \"ring\"\ndevice = \"" << fifo << "\"\n";
        kill(daemon_pid(), SIGHUP);  // the reload is pending while the ring holds events
    }
    EXPECT_TRUE(wait_for_event(100)) << subscriber_->received().events.size();
    EXPECT_EQ(subscriber_->received().gaps(100), "");
    EXPECT_TRUE(wait_until([&] { return subscriber_->channel().Device() == fifo; }));

    std::filesystem::remove(file);
    std::filesystem::remove(fifo);
    EXPECT_EQ(run({"systemctl", "reload", "drvbusd"}).status, 0);
}

class LegacyRing : public Ring {
protected:
    LegacyRing() : Ring(legacy()) {}

private:
    static SimChannel::Settings legacy()
    {
        SimChannel::Settings settings;
        settings.legacy = true;
        return settings;
    }
};

TEST_F(LegacyRing, FailedChannelContinuesAtItsPosition)
{
    ASSERT_EQ(channel_.burst(5), 0);
    ASSERT_TRUE(wait_for_event(5));
    {
        const ConfigDropIn wrong("[[channel]]\nname = \"ring\"\nnotification = \"eventfd\"\n");
        EXPECT_TRUE(wait_until([&] { return subscriber_->channel().State() == "failed"; }));
        ASSERT_EQ(channel_.burst(3), 0);
    }
    EXPECT_TRUE(wait_until([&] { return subscriber_->channel().State() == "online"; }));
    ASSERT_TRUE(wait_for_event(8));
    EXPECT_EQ(subscriber_->received().gaps(8), "");
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Faults in random order while events flow: each event is delivered once and in order, or counted as lost.
#include <algorithm>
#include <iostream>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fault.hpp"
#include "follower.hpp"
#include "service.hpp"
#include "sim.hpp"
#include "support/process.hpp"
#include "support/subscriber.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

/// A channel with a catch-up subscriber. Functions that return a string return an empty one, or what is wrong.
class FollowedChannel {
public:
    FollowedChannel(const std::string& name, unsigned depth, unsigned payload_size)
        : channel_(name, settings(depth, payload_size))
    {
        if (!wait_for_channel(name))
            throw std::runtime_error("the channel " + name + " is not on the bus");
        follower_ = std::make_unique<FollowerProcess>(name);
    }

    void rate(std::uint64_t events_per_second) const { channel_.set("rate", std::to_string(events_per_second)); }
    void burst(std::uint64_t count) const { channel_.burst(count); }
    [[nodiscard]] std::uint64_t emitted() const { return emitted_before_ + channel_.sysfs("events"); }
    [[nodiscard]] FollowerProcess& follower() const { return *follower_; }
    [[nodiscard]] const std::string& name() const { return channel_.name(); }

    /// Stops the generator and waits until the subscriber has received all events.
    [[nodiscard]] std::string drain() const
    {
        rate(0);
        const std::uint64_t events = channel_.sysfs("events");
        if (instances_ == follower_->instances().size() && follower_->wait_for(events + 1))
            return {};
        return name() + ": the subscriber has not received all events: " + diagnosis();
    }

    /// @returns the positions of the subscriber and of the daemon, for a test that fails
    [[nodiscard]] std::string diagnosis() const
    {
        return std::to_string(follower_->instances().size()) + " of " + std::to_string(instances_) +
               " instances, the last at " + std::to_string(follower_->last().next()) + " of " +
               std::to_string(channel_.sysfs("events") + 1) + "\n" + follower_->errors() +
               shell("cat /proc/" + std::to_string(follower_->process().pid()) + "/status | grep -a State; " +
                     "busctl get-property org.drvbus1 " + channel_path(name()) +
                     " org.drvbus1.Channel State NextSequence Instance; busctl call org.drvbus1 " +
                     channel_path(name()) + " org.drvbus1.Channel GetEvents tu 1 1")
                   .output;
    }

    /// Removes the channel while it holds events, and adds it again.
    [[nodiscard]] std::string replace()
    {
        if (std::string error = drain(); !error.empty())
            return error;
        channel_.burst(500);
        const std::uint64_t events = channel_.sysfs("events");
        channel_.live(false);
        emitted_before_ += events;
        channel_.live(true);
        channel_.burst(1);
        ++instances_;
        if (!wait_until([this] {
                follower_->read();
                return follower_->instances().size() == instances_;
            }))
            return name() + ": the subscriber has not seen the new instance: " + diagnosis();
        const Followed& old = follower_->instances().at(instances_ - 2);
        if (old.next() != events + 1 || !old.complete)
            return name() + ": the old instance ended at " + std::to_string(old.next()) + ", not at " +
                   std::to_string(events + 1) + (old.complete ? "" : ", and the subscriber may have missed more");
        return {};
    }

    /// Compares the daemon's counters for the present instance with the kernel's.
    [[nodiscard]] std::string compare_counters() const
    {
        const Subscriber subscriber(name());
        const std::uint64_t events = channel_.sysfs("events");
        wait_until([&] { return subscriber.channel().NextSequence() == events + 1; });
        const std::uint64_t published = subscriber.channel().EventsPublished();
        const std::uint64_t lost = subscriber.channel().EventsLost();
        if (published + lost == events)
            return {};
        return name() + ": published " + std::to_string(published) + ", lost " + std::to_string(lost) + ", emitted " +
               std::to_string(events);
    }

private:
    static SimChannel::Settings settings(unsigned depth, unsigned payload_size)
    {
        SimChannel::Settings settings;
        settings.depth = depth;
        settings.payload_size = payload_size;
        return settings;
    }

    SimChannel channel_;
    std::unique_ptr<FollowerProcess> follower_;
    std::uint64_t emitted_before_ = 0;
    std::size_t instances_ = 1;
};

class Torture : public testing::Test {
protected:
    std::uint64_t pick(std::uint64_t below) { return random_() % below; }

    [[nodiscard]] std::uint64_t emitted() const
    {
        std::uint64_t sum = 0;
        for (const auto& channel : channels_)
            sum += channel->emitted();
        return sum;
    }

    void change_rates()
    {
        for (const auto& channel : channels_) {
            channel->rate(pick(3) == 0 ? 0 : rate_ / 8 + pick(rate_));
            if (pick(4) == 0)
                channel->burst(1 + pick(2 * rate_));
        }
    }

    /// Reads the output of all subscribers, which checks it, until the channels have emitted `events` more events.
    void flow(std::uint64_t events)
    {
        const std::uint64_t end = emitted() + events;
        ASSERT_TRUE(wait_until([&] {
            for (const auto& channel : channels_)
                channel->follower().read();
            if (emitted() < end && pick(10) == 0)
                change_rates();
            return emitted() >= end;
        }));
    }

    /// Stops a subscriber until the bus has dropped some of its messages.
    void stop_a_subscriber()
    {
        FollowedChannel& channel = *channels_.at(pick(channels_.size()));
        channel.follower().process().stop();
        for (int times = 0; times < 2; ++times) {
            channel.burst(1000);  // two bursts are more than the bus queues for a subscriber
            flow(100);
        }
        channel.follower().process().resume();
    }

    /// Injects the next fault: each kind once in random order, then each once more. @returns what is wrong afterwards;
    /// else an empty string
    std::string inject_next()
    {
        const std::size_t replace = all_faults().size();
        if (pending_.empty()) {
            pending_.resize(all_faults().size() + 2);
            std::iota(pending_.begin(), pending_.end(), std::size_t{0});
            std::ranges::shuffle(pending_, order_);
        }
        const std::size_t fault = pending_.back();
        pending_.pop_back();
        if (fault == replace)
            return channels_.at(pick(channels_.size()))->replace();
        if (fault > replace)
            stop_a_subscriber();
        else
            inject(all_faults().at(fault));
        return {};
    }

    [[nodiscard]] std::uint64_t lost() const
    {
        std::uint64_t lost = 0;
        for (const auto& channel : channels_) {
            for (const Followed& instance : channel->follower().instances())
                lost += instance.lost;
        }
        return lost;
    }

    void print_summary(std::uint64_t faults) const
    {
        std::uint64_t repeats = 0;
        std::uint64_t fetched = 0;
        for (const auto& channel : channels_) {
            repeats += channel->follower().repeats();
            fetched += channel->follower().fetched();
        }
        std::cout << "torture: seed " << seed_ << ", " << emitted() << " events, " << faults << " faults, " << repeats
                  << " repeats dropped, " << fetched << " fetched with GetEvents, " << lost() << " lost" << std::endl;
    }

    const std::uint64_t seed_ = number_in_environment("DRVBUS_TORTURE_SEED", 1);
    const std::uint64_t rate_ = number_in_environment("DRVBUS_TORTURE_RATE", 100);
    std::mt19937_64 random_{seed_};
    std::mt19937_64 order_{seed_};  ///< of the faults: how often random_ is used depends on the speed of the guest
    std::vector<std::size_t> pending_;
    std::vector<std::unique_ptr<FollowedChannel>> channels_;
};

TEST_F(Torture, EachEventIsDeliveredOnceOrCountedAsLost)
{
    const std::uint64_t faults = number_in_environment("DRVBUS_TORTURE_FAULTS", 9);  // each kind once
    const std::uint64_t events = number_in_environment("DRVBUS_TORTURE_EVENTS", 5'000);
    std::cout << "torture: seed " << seed_ << std::endl;
    for (const char* const name : {"one", "two", "three"})
        channels_.push_back(std::make_unique<FollowedChannel>(name, 4096, 1024));
    channels_.push_back(std::make_unique<FollowedChannel>("four", 64, 16));  // small enough for overruns
    channels_.back()->burst(3000);

    std::uint64_t injected = 0;
    while (injected < faults || emitted() < events) {
        change_rates();
        ASSERT_NO_FATAL_FAILURE(flow(events / faults / 2));
        ASSERT_EQ(inject_next(), "") << "fault " << injected;
        ++injected;
        std::cout << "after " << injected << " faults: " << emitted() << " events" << std::endl;
    }
    for (const auto& channel : channels_)
        EXPECT_EQ(channel->drain(), "");
    for (const auto& channel : channels_)
        EXPECT_EQ(channel->compare_counters(), "");
    print_summary(injected);
    EXPECT_GT(lost(), 0U);
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Receiving every event of a channel once and in order, in the sd-event loop of the caller.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <systemd/sd-event.h>

#include <drvbus/channel_follower.hpp>
#include <drvbus/connection.hpp>

namespace drvbus::client {

struct SubscriptionOptions {
    Position position = {};                         ///< where to begin
    Bus bus = Bus::system;                          ///< where to connect to
    std::chrono::microseconds interval{1'000'000};  ///< between two attempts to connect and to catch up
    /// An attempt succeeded: all events were delivered, or there is a new instance and the call of `replaced` follows.
    std::function<void(const Counters& so_far)> caught_up = {};
    /// An attempt failed: the bus or the service does not reply, or refuses. The next attempt follows.
    std::function<void(const sdbus::Error& error)> failed = {};
};

/// A catch-up subscriber of one channel: connects to the bus, subscribes, and catches up at intervals. When the bus has
/// closed the connection, it connects again and continues at its position. The channel, the service and the bus may be
/// absent at any time.
///
/// Threads: construct and destroy it in the thread of the loop, not in a handler. Handlers and the functions of the
/// options run in that thread, from the loop. The rules of Handlers apply to all of them.
///
/// Each attempt blocks the loop until the service has replied to its calls. An sd-bus call times out after 25 s.
class Subscription {
public:
    /// Connects in the next iteration of the loop in which no event source with a higher priority is pending.
    /// @param loop must outlive the subscription
    /// @param channel name of the channel
    /// @throws std::system_error if no timer can be added to the loop
    Subscription(sd_event* loop, std::string channel, Handlers handlers, SubscriptionOptions options = {})
        : channel_(std::move(channel)), handlers_(std::move(handlers)), options_(std::move(options)),
          position_(options_.position)
    {
        sd_event_source* timer = nullptr;
        check(sd_event_add_time_relative(loop, &timer, CLOCK_MONOTONIC, 0, 0, on_timer, this));
        timer_.reset(timer);
        // The timer runs only when no signal waits, as Follower::catch_up requires.
        check(sd_event_source_set_priority(timer, SD_EVENT_PRIORITY_IDLE));
        check(sd_event_source_set_enabled(timer, SD_EVENT_ON));
    }
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;
    ~Subscription() = default;

    /// The position of the follower; while there is no connection, that of the last one.
    [[nodiscard]] Position position() const { return follower_ ? follower_->position() : position_; }

    /// Of all connections so far.
    [[nodiscard]] Counters counters() const
    {
        Counters sum = counters_;
        if (follower_) {
            const Counters current = follower_->counters();
            sum.signals += current.signals;
            sum.repeats += current.repeats;
            sum.fetched += current.fetched;
        }
        return sum;
    }

private:
    struct TimerDeleter {
        void operator()(sd_event_source* timer) const noexcept { sd_event_source_disable_unref(timer); }
    };

    static void check(int result)
    {
        if (result < 0)
            throw std::system_error(-result, std::generic_category(), "Failed to add a timer to the event loop");
    }

    static int on_timer(sd_event_source* timer, std::uint64_t /*usec*/, void* subscription) noexcept
    {
        auto& self = *static_cast<Subscription*>(subscription);
        self.attempt();
        return sd_event_source_set_time_relative(timer, static_cast<std::uint64_t>(self.options_.interval.count()));
    }

    void attempt()
    {
        try {
            if (connection_ && !connection_->is_open())
                disconnect();
            if (!follower_)
                connect();
            follower_->catch_up();
        } catch (const sdbus::Error& error) {
            if (options_.failed)
                options_.failed(error);
            return;
        }
        if (options_.caught_up)
            options_.caught_up(counters());
    }

    void connect()
    {
        connection_.emplace(sd_event_source_get_event(timer_.get()), options_.bus);
        follower_.emplace(connection_->sdbus(), channel_, handlers_, position_);
    }

    void disconnect()
    {
        if (follower_) {
            position_ = follower_->position();
            counters_ = counters();
        }
        follower_.reset();
        connection_.reset();
    }

    std::string channel_;
    Handlers handlers_;
    SubscriptionOptions options_;
    Position position_;  // where the next connection begins
    Counters counters_;  // of the connections before this one
    std::unique_ptr<sd_event_source, TimerDeleter> timer_;
    std::optional<Connection> connection_;
    std::optional<ChannelFollower> follower_;
};

}  // namespace drvbus::client

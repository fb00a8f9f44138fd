// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Every event of a channel, once and in order, whatever happens to the daemon, the bus or the subscriber
// (docs/reliability.md says why this is the way). Header-only; needs sdbus-c++ and the proxy that
// sdbus-c++-xml2cpp makes from org.drvbus1.xml.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <drvbus/org.drvbus1-proxy.hpp>
#include <drvbus/sdbus_compat.hpp>

namespace drvbus {

/// One event, as the signal Event and the method GetEvents have it.
struct Event {
    std::string name;
    std::uint64_t sequence;
    std::uint64_t time;  ///< ns, CLOCK_MONOTONIC
    std::uint32_t id;
    sdbus::Variant data;
};

/// Where a subscriber is. Keep it over the end of a connection, and begin the next one with it.
struct Position {
    std::uint64_t instance = 0;  ///< of the channel; 0: none seen yet
    std::uint64_t next = 1;      ///< sequence of the next event to hear of
    std::uint64_t time = 0;      ///< of the last one

    friend bool operator==(const Position&, const Position&) = default;
};

/// What GetEvents answers.
struct Answer {
    std::vector<Event> events;
    std::uint64_t next;
    bool more;
    std::uint64_t instance;
};

/// How far an instance that was replaced came; what the property Previous says.
struct Ending {
    std::uint64_t instance = 0;  ///< 0: not known of any
    std::uint64_t next = 0;      ///< sequence behind its last event
};

/// What a subscriber wants to be told; from `Follower`'s calls.
struct Handlers {
    std::function<void(const Event&)> event;
    std::function<void(std::uint64_t first, std::uint64_t count)> lost;  ///< for good
    /// The channel was replaced: sequences begin anew at 1. `to_the_end`: all of the old instance's were delivered
    /// or told lost; where not, more of them may have been missed, and nobody knows how many.
    std::function<void(bool to_the_end)> instance;
};

/// The recipe: what is next is delivered; at anything else the channel is asked what is next.
class Follower {
public:
    Follower(Handlers handlers, Position position) : handlers_(std::move(handlers)), position_(position) {}
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;
    virtual ~Follower() = default;

    [[nodiscard]] Position position() const { return position_; }

    /// Events that had to be asked for, signals that came, and those of them that came once more.
    [[nodiscard]] std::uint64_t fetched() const { return fetched_; }
    [[nodiscard]] std::uint64_t signals() const { return signals_; }
    [[nodiscard]] std::uint64_t repeats() const { return repeats_; }

    /// Asks for everything up to now. To be called once it is subscribed, and then every now and then, since nobody
    /// tells of the last message missed; but only once all signals that have come are worked off, or a service
    /// that takes long to answer lets them pile up.
    /// @throws sdbus::Error where the service does not answer; try again later
    void catch_up()
    {
        for (bool more = true; more;) {
            const Answer answer = ask_from_position();
            if (position_.instance != 0 && answer.instance != position_.instance) {
                replaced_by(answer);
                return;
            }
            position_.instance = answer.instance;
            const std::uint64_t before = position_.next;
            fetched_ += answer.events.size();
            for (const Event& event : answer.events)
                deliver(event);
            skip_to(answer.next);
            more = answer.more && position_.next > before;  // after a restart the channel may be behind
        }
        missed_ = false;
    }

protected:
    /// The signal Event came.
    void heard(const Event& event)
    {
        ++signals_;
        const bool again = event.sequence <= last_heard_;
        last_heard_ = std::max(last_heard_, event.sequence);
        const bool younger = event.time > position_.time || event.time == 0;
        if (event.sequence < position_.next && !younger) {
            repeats_ += again ? 1 : 0;  // where not, it was asked for before it came
            return;
        }
        // The first of all may always be another instance's.
        if (event.sequence == position_.next && event.sequence > 1 && !missed_) {
            deliver(event);
            return;
        }
        missed_ = true;
        if (!replaced_ || begin_of_new_ == kUnknown)
            try_to_catch_up();
        if (!replaced_)
            return;
        // The end of the old instance, or already the new one?
        if (event.time >= begin_of_new_ || (event.sequence < position_.next && event.time > position_.time))
            switch_over();
        else
            deliver(event);
    }

    /// The signal Lost came.
    void heard_lost(std::uint64_t first, std::uint64_t count)
    {
        if (first == position_.next && first > 1 && (!missed_ || replaced_)) {
            skip_to(first + count);
        } else if (!replaced_) {
            missed_ = true;
            try_to_catch_up();
        }
    }

    /// The answer to `ask_bus` came.
    void bus_answered(bool well)
    {
        if (--asked_bus_ > 0 || !replaced_)
            return;
        if (well)
            switch_over();
        else
            replaced_ = false;  // whoever asks next finds it out once more
    }

    /// Calls GetEvents(since, 0).
    virtual Answer ask(std::uint64_t since) = 0;

    /// Reads the property Previous.
    virtual Ending ask_previous() = 0;

    /// Calls something of the bus itself without waiting; `bus_answered` has to be called in its turn, behind all
    /// signals that were there before.
    virtual void ask_bus() = 0;

private:
    static constexpr std::uint64_t kUnknown = UINT64_MAX;

    void try_to_catch_up()
    {
        try {
            catch_up();
        } catch (const sdbus::Error&) {
            // The next event, or the next call of catch_up, tries again; none is delivered out of order.
        }
    }

    Answer ask_from_position()
    {
        try {
            return ask(position_.next);
        } catch (const sdbus::Error& error) {
            if (std::string(error.getName()) != "org.drvbus1.Error.OutOfRange")
                throw;
            return ask(1);  // another instance, or what was sent last comes once more
        }
    }

    /// The answer has overtaken the signals that wait in this program: they are the old instance's, to its end.
    void replaced_by(const Answer& answer)
    {
        if (!replaced_) {
            ask_bus();
            ++asked_bus_;
            missed_ = replaced_ = true;
            begin_of_new_ = kUnknown;
        }
        new_instance_ = answer.instance;
        if (!answer.events.empty() && answer.events.front().time != 0)
            begin_of_new_ = std::min(begin_of_new_, answer.events.front().time);
    }

    void switch_over()
    {
        replaced_ = false;
        Ending previous{};
        try {
            previous = ask_previous();
        } catch (const sdbus::Error&) {
            return;  // whoever asks next finds it out once more
        }
        const bool to_the_end = previous.instance == position_.instance;
        if (to_the_end)
            skip_to(previous.next);  // the bus has dropped the rest, and the driver took it along
        last_heard_ = 0;
        position_ = {.instance = new_instance_, .next = 1, .time = 0};
        if (handlers_.instance)
            handlers_.instance(to_the_end);
        try_to_catch_up();
    }

    void deliver(const Event& event)
    {
        if (event.sequence < position_.next)
            return;
        skip_to(event.sequence);
        position_.next = event.sequence + 1;
        position_.time = event.time;
        handlers_.event(event);
    }

    void skip_to(std::uint64_t next)
    {
        if (next <= position_.next)
            return;
        const std::uint64_t first = std::exchange(position_.next, next);
        if (handlers_.lost)
            handlers_.lost(first, next - first);
    }

    Handlers handlers_;
    Position position_;
    std::uint64_t last_heard_ = 0;
    std::uint64_t fetched_ = 0;
    std::uint64_t signals_ = 0;
    std::uint64_t repeats_ = 0;
    bool missed_ = true;                     // something, or what was before is not known yet
    bool replaced_ = false;                  // known, and not yet told
    std::uint64_t new_instance_ = 0;         // the one that has come
    std::uint64_t begin_of_new_ = kUnknown;  // time of its first event
    int asked_bus_ = 0;                      // and not yet answered
};

/// Follows a channel on the bus. Everything happens in the thread that serves the connection.
class ChannelFollower final : public Follower, public sdbus::ProxyInterfaces<org::drvbus1::Channel_proxy> {
public:
    /// @param connection outlives the follower
    /// @param path of the channel's object
    ChannelFollower(sdbus::IConnection& connection, const std::string& path, Handlers handlers, Position position = {})
        : Follower(std::move(handlers), position),
          ProxyInterfaces(connection, client::ServiceName("org.drvbus1"), sdbus::ObjectPath(path)),
          bus_(sdbus::createProxy(connection, client::ServiceName("org.freedesktop.DBus"),
                                  sdbus::ObjectPath("/org/freedesktop/DBus")))
    {
        registerProxy();
    }
    ChannelFollower(const ChannelFollower&) = delete;
    ChannelFollower& operator=(const ChannelFollower&) = delete;
    ~ChannelFollower() override { unregisterProxy(); }

private:
    void onEvent(const std::string& name, const std::uint64_t& sequence, const std::uint64_t& time,
                 const std::uint32_t& id, const sdbus::Variant& data) override
    {
        heard({name, sequence, time, id, data});
    }

    void onLost(const std::uint64_t& first, const std::uint64_t& count) override { heard_lost(first, count); }

    Answer ask(std::uint64_t since) override
    {
        const auto [events, next, more, lost, instance] = GetEvents(since, 0);
        Answer answer{{}, next, more, instance};
        answer.events.reserve(events.size());
        for (const auto& event : events)
            answer.events.push_back(
                {std::get<0>(event), std::get<1>(event), std::get<2>(event), std::get<3>(event), std::get<4>(event)});
        return answer;
    }

    Ending ask_previous() override
    {
        const sdbus::Struct<std::uint64_t, std::uint64_t> previous = Previous();
        return {std::get<0>(previous), std::get<1>(previous)};
    }

    void ask_bus() override
    {
        bus_->callMethodAsync("GetId")
            .onInterface("org.freedesktop.DBus")
            .uponReplyInvoke([this](client::MaybeError error, const std::string&) { bus_answered(!error); });
    }

    std::unique_ptr<sdbus::IProxy> bus_;
};

}  // namespace drvbus

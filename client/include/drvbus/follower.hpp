// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Receiving every event of a channel once and in order: the part without I/O.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <drvbus/sdbus_compat.hpp>
#include <drvbus/version.hpp>

namespace drvbus::client {

/// One event, as in the signal Event and in the reply of GetEvents.
struct Event {
    std::string name;        ///< name of `id`; if it has none, `id` in decimal digits
    std::uint64_t sequence;  ///< number of the event in its instance of the channel, from 1
    std::uint64_t time;      ///< ns of CLOCK_MONOTONIC: when the driver emitted it, or when the daemon read it if the
                             ///< device gives no time; 0 if it is not known
    std::uint32_t id;        ///< kind of event, a number of the driver
    sdbus::Variant data;     ///< a{sv}: named fields; au: u32 values without names; ay: bytes
};

/// Position of a subscriber in a channel: the event that it expects next. A program can store it and pass it to a later
/// Follower, which then continues with this event.
struct Position {
    std::uint64_t instance = 0;  ///< property Instance of the channel; 0 if not known yet
    std::uint64_t next = 1;      ///< sequence of the next event to deliver
    std::uint64_t time = 0;      ///< `time` of the last delivered event; 0 if there is none

    friend bool operator==(const Position&, const Position&) = default;
};

/// Functions of the subscriber. `event` is required. They are called in the order of the sequences, from the functions
/// of Follower and from the bus connection, in the thread that serves that connection.
///
/// They may call `position()` and `counters()`. While a handler runs, `position()` is already after the event or the
/// lost events that the handler was called for. Handlers must not call `catch_up()`, must not destroy the
/// Follower or Subscription that calls them, and must not throw: C code of libsystemd calls them.
struct Handlers {
    std::function<void(const Event&)> event = {};
    /// The `count` events from sequence `first` on are lost: they cannot be requested any more. `count` is 0 if the
    /// device lost events without saying how many: they have the one sequence `first` together. If the signal Lost was
    /// not received, this is reported as one lost event.
    std::function<void(std::uint64_t first, std::uint64_t count)> lost = {};
    /// The channel has a new instance: its sequences begin at 1 again. If `complete`, each event of the old instance
    /// was delivered or reported as lost. If not, more of them may be missing, and their number is not known.
    std::function<void(bool complete)> replaced = {};
};

/// What a Follower has done since it was constructed.
struct Counters {
    std::uint64_t signals = 0;  ///< received signals Event
    std::uint64_t repeats = 0;  ///< signals Event that were received more than once
    std::uint64_t fetched = 0;  ///< events in replies of GetEvents

    friend bool operator==(const Counters&, const Counters&) = default;
};

/// The algorithm of a catch-up subscriber: delivers an event that has the expected sequence, ignores repetitions, and
/// calls GetEvents after a gap, or if the event may belong to a new instance. docs/reliability.md describes it step by
/// step.
///
/// This class has no connection. A derived class passes the signals and replies to the `handle_` functions and makes
/// the calls; programs use ChannelFollower or Subscription. All functions are called in one thread.
class Follower {
public:
    /// @param position where to begin; by default at sequence 1: `lost` then reports the events that the
    /// channel no longer holds
    explicit Follower(Handlers handlers, Position position = {}) : handlers_(std::move(handlers)), position_(position)
    {
    }
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;
    virtual ~Follower() = default;

    [[nodiscard]] Position position() const { return position_; }
    [[nodiscard]] Counters counters() const { return counters_; }

    /// Requests all events that are not delivered yet and delivers them. Blocks until the service has replied. If the
    /// channel has a new instance, this function returns before its events are delivered: the handler `replaced` is
    /// called later, from the bus connection, and the events of the new instance follow.
    ///
    /// Call it after subscribing, and then at intervals: if the bus drops the last signal of a channel, no later signal
    /// shows the gap. Call it only when all received signals have been processed. Further signals accumulate during the
    /// call, and the bus drops signals if there are too many.
    /// @throws sdbus::Error if the service does not reply or refuses; call again later
    void catch_up()
    {
        busy_ = false;
        for (bool more = true; more;) {
            const EventList list = get_events_from_position();
            if (position_.instance != 0 && list.instance != position_.instance) {
                prepare_switch(list);
                return;
            }
            position_.instance = list.instance;
            const std::uint64_t before = position_.next;
            counters_.fetched += list.events.size();
            for (const Event& event : list.events)
                deliver(event);
            skip_to(list.next);
            // A restarted daemon may not have reached this position yet: it then returns no new event.
            more = list.more && position_.next > before;
        }
        must_catch_up_ = false;
    }

protected:
    /// Reply of GetEvents.
    struct EventList {
        std::vector<Event> events;
        std::uint64_t next;  ///< sequence to ask for next
        bool more;           ///< events from `next` on exist already
        std::uint64_t instance;
    };

    /// Value of the property Previous: where an instance ended.
    struct InstancePosition {
        std::uint64_t instance = 0;  ///< 0 if not known
        std::uint64_t next = 0;      ///< sequence after its last event
    };

    /// To be called for each signal Event. Does not throw sdbus::Error: if the service does not reply, the next signal
    /// or `catch_up` tries again. If it replies that it is busy, only `catch_up` does.
    void handle_event(const Event& event)
    {
        ++counters_.signals;
        const bool repeated = event.sequence <= last_signal_;
        last_signal_ = std::max(last_signal_, event.sequence);
        // A smaller sequence with a later time belongs to a new instance. An event without a time may belong to one.
        const bool newer = event.time > position_.time || event.time == 0;
        if (event.sequence < position_.next && !newer) {
            counters_.repeats += repeated ? 1 : 0;  // if not repeated: GetEvents returned it before its signal arrived
            return;
        }
        // Sequence 1 is always checked: it may belong to a new instance.
        if (event.sequence == position_.next && event.sequence > 1 && !must_catch_up_) {
            deliver(event);
            return;
        }
        must_catch_up_ = true;
        if (!switching_ || new_instance_begin_ == kUnknownTime)
            try_to_catch_up();
        if (!switching_)
            return;
        const bool of_new_instance =
            event.time >= new_instance_begin_ || (event.sequence < position_.next && event.time > position_.time);
        if (of_new_instance)
            switch_instance();
        else
            deliver(event);
    }

    /// To be called for each signal Lost. Reports the loss if it follows the last delivered event. Otherwise calls
    /// GetEvents, as `handle_event` does. Does not throw sdbus::Error.
    void handle_lost(std::uint64_t first, std::uint64_t count)
    {
        if (first == position_.next && first > 1 && (!must_catch_up_ || switching_)) {
            if (count > 0)
                skip_to(first + count);
            else
                report_unknown_loss();
        } else if (!switching_) {
            must_catch_up_ = true;
            try_to_catch_up();
        }
    }

    /// To be called once for each `call_bus`, when its reply or error arrived. Does not throw sdbus::Error.
    void handle_bus_reply(bool success)
    {
        if (--pending_bus_calls_ > 0 || !switching_)
            return;
        if (success)
            switch_instance();
        else
            switching_ = false;  // the next GetEvents detects the new instance again
    }

    /// Calls GetEvents(since, 0). @throws sdbus::Error
    virtual EventList get_events(std::uint64_t since) = 0;

    /// Reads the property Previous. @throws sdbus::Error
    virtual InstancePosition get_previous() = 0;

    /// Starts an asynchronous call of any method of the bus itself. Its reply arrives after all signals that the bus
    /// had sent to this connection before.
    virtual void call_bus() = 0;

private:
    static constexpr std::uint64_t kUnknownTime = UINT64_MAX;

    void try_to_catch_up()
    {
        if (busy_)
            return;
        try {
            catch_up();
        } catch (const sdbus::Error& error) {
            // must_catch_up_ is still set, so that no event is delivered out of order until a later attempt succeeds.
            busy_ = std::string(error.getName()) == "org.drvbus1.Error.Busy";
        }
    }

    EventList get_events_from_position()
    {
        try {
            return get_events(position_.next);
        } catch (const sdbus::Error& error) {
            if (std::string(error.getName()) != "org.drvbus1.Error.OutOfRange")
                throw;
            return get_events(1);  // the instance in the reply shows whether it is a new one
        }
    }

    /// To be called when a reply shows that the channel has a new instance. Signals of the old instance may already
    /// wait in this process, because a blocking call processes its reply before them. They must be delivered first. The
    /// reply to `call_bus` arrives after them, and `switch_instance` is called then.
    void prepare_switch(const EventList& list)
    {
        if (!switching_) {
            call_bus();
            ++pending_bus_calls_;
            must_catch_up_ = switching_ = true;
            new_instance_begin_ = kUnknownTime;
        }
        new_instance_ = list.instance;
        if (!list.events.empty() && list.events.front().time != 0)
            new_instance_begin_ = std::min(new_instance_begin_, list.events.front().time);
    }

    /// Ends the old instance and continues at the first event of the new one.
    void switch_instance()
    {
        switching_ = false;
        InstancePosition previous{};
        try {
            previous = get_previous();
        } catch (const sdbus::Error&) {
            return;  // the next GetEvents detects the new instance again
        }
        const bool complete = previous.instance == position_.instance;
        if (complete)
            skip_to(previous.next);  // the bus dropped these events, and the ring that held them was removed
        last_signal_ = 0;
        position_ = {.instance = new_instance_, .next = 1, .time = 0};
        if (handlers_.replaced)
            handlers_.replaced(complete);
        try_to_catch_up();
    }

    /// Reports missing events before this one as lost, then delivers it. Ignores an event before the position.
    void deliver(const Event& event)
    {
        if (event.sequence < position_.next)
            return;
        skip_to(event.sequence);
        position_.next = event.sequence + 1;
        position_.time = event.time;
        handlers_.event(event);
    }

    /// Moves the position forward to the sequence `next`, and reports the events in between as lost.
    void skip_to(std::uint64_t next)
    {
        if (next <= position_.next)
            return;
        const std::uint64_t first = std::exchange(position_.next, next);
        if (handlers_.lost)
            handlers_.lost(first, next - first);
    }

    /// Reports the loss of an unknown number of events, which have one sequence.
    void report_unknown_loss()
    {
        const std::uint64_t first = position_.next++;
        if (handlers_.lost)
            handlers_.lost(first, 0);
    }

    Handlers handlers_;
    Position position_;
    Counters counters_;
    std::uint64_t last_signal_ = 0;                    // highest sequence of a signal of this instance
    bool must_catch_up_ = true;                        // events before the next signal may be missing
    bool switching_ = false;                           // a new instance exists, signals of the old one may still arrive
    std::uint64_t new_instance_ = 0;                   // while switching_
    std::uint64_t new_instance_begin_ = kUnknownTime;  // earliest known time of one of its events
    int pending_bus_calls_ = 0;
    bool busy_ = false;  // the service has refused a call: it must not be called again for each signal
};

}  // namespace drvbus::client

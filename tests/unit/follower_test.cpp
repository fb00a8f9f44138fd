// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The algorithm of a catch-up subscriber, with a simulated channel.
#include "drvbus/follower.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bus/sdbus_version.hpp"

namespace drvbus::test {
namespace {

using client::Counters;
using client::Position;
using testing::ElementsAre;

/// A follower of a channel that the test describes. Records the calls of its handlers as words.
class SimulatedFollower : public client::Follower {
public:
    explicit SimulatedFollower(Position position = {})
        : Follower({.event = [this](const client::Event& event) { calls.push_back(std::to_string(event.sequence)); },
                    .lost =
                        [this](std::uint64_t first, std::uint64_t count) {
                            calls.push_back("lost " + std::to_string(count) + " from " + std::to_string(first));
                        },
                    .replaced =
                        [this](bool complete) { calls.emplace_back(complete ? "replaced" : "replaced, incomplete"); }},
                   position)
    {
    }

    /// Receives the signal Event of the current instance.
    void receive(std::uint64_t sequence) { receive_of(instance, sequence); }
    /// Receives a signal Event that an earlier instance sent.
    void receive_of(std::uint64_t sender, std::uint64_t sequence) { handle_event(make_event(sender, sequence)); }
    /// Publishes the events `first` to `last`, and receives each signal right after.
    void publish(std::uint64_t first, std::uint64_t last)
    {
        for (std::uint64_t sequence = first; sequence <= last; ++sequence) {
            next = sequence + 1;
            receive(sequence);
        }
    }
    using Follower::handle_bus_reply;
    using Follower::handle_lost;

    std::uint64_t instance = 7;
    std::uint64_t oldest = 1;  ///< first event that the channel holds
    std::uint64_t next = 1;    ///< after the last event that the channel holds
    std::uint64_t page = 3;    ///< maximum number of events in a reply
    bool unreachable = false;  ///< all calls of the service fail
    bool unavailable = false;  ///< GetEvents fails, properties can be read
    bool busy = false;         ///< the service refuses GetEvents
    int get_events_calls = 0;
    int bus_calls = 0;
    std::optional<InstancePosition> previous;  ///< if not set, the old instance ended at the follower's position
    bool without_time = false;                 ///< events have no time
    std::vector<std::string> calls;

private:
    /// Later instances have later times.
    [[nodiscard]] client::Event make_event(std::uint64_t sender, std::uint64_t sequence) const
    {
        return {"", sequence, without_time ? 0 : sender * 1000 + sequence, 0, {}};
    }

    void call_bus() override { ++bus_calls; }

    InstancePosition get_previous() override
    {
        if (unreachable)
            throw bus::make_error("org.freedesktop.DBus.Error.ServiceUnknown", "not on the bus");
        return previous.value_or(InstancePosition{position().instance, position().next});
    }

    EventList get_events(std::uint64_t since) override
    {
        ++get_events_calls;
        if (unreachable || unavailable)
            throw bus::make_error("org.freedesktop.DBus.Error.ServiceUnknown", "not on the bus");
        if (busy)
            throw bus::make_error("org.drvbus1.Error.Busy", "call again later");
        if (since > next)
            throw bus::make_error("org.drvbus1.Error.OutOfRange", "beyond the next event");
        EventList list{{}, std::max(since, oldest), false, instance};
        while (list.next < next && list.events.size() < page)
            list.events.push_back(make_event(instance, list.next++));
        list.more = list.next < next;
        return list;
    }
};

/// A follower that received three events of instance 7. Instance 8, with one event, has replaced it unnoticed.
class ReplacedFollower final : public SimulatedFollower {
public:
    ReplacedFollower() : SimulatedFollower({7, 4, 7003})
    {
        next = 4;
        catch_up();
        instance = 8;
        next = 2;
    }
};

TEST(Follower, ExpectedEventsAreDeliveredWithoutACall)
{
    SimulatedFollower follower;
    follower.catch_up();
    EXPECT_EQ(follower.get_events_calls, 1);
    follower.publish(1, 3);
    EXPECT_THAT(follower.calls, ElementsAre("1", "2", "3"));
    EXPECT_EQ(follower.get_events_calls, 2) << "only sequence 1, which may be of another instance, causes a call";
    EXPECT_EQ(follower.position(), (Position{7, 4, 7003}));
}

TEST(Follower, LateSubscriberReceivesPastAndLostEvents)
{
    SimulatedFollower follower;
    follower.oldest = 4;
    follower.next = 9;
    follower.catch_up();
    EXPECT_THAT(follower.calls, ElementsAre("lost 3 from 1", "4", "5", "6", "7", "8"));
}

TEST(Follower, RepeatedEventsAreDroppedWithoutACall)
{
    SimulatedFollower follower;
    follower.next = 7;
    follower.catch_up();
    follower.get_events_calls = 0;
    for (std::uint64_t sequence = 3; sequence <= 6; ++sequence)
        follower.receive(sequence);
    EXPECT_EQ(follower.counters().repeats, 0U) << "GetEvents returned them before their signals arrived";
    for (std::uint64_t sequence = 1; sequence <= 6; ++sequence)
        follower.receive(sequence);
    EXPECT_EQ(follower.get_events_calls, 0);
    EXPECT_EQ(follower.counters(), (Counters{.signals = 10, .repeats = 6, .fetched = 6}));
    follower.publish(7, 7);
    EXPECT_THAT(follower.calls, ElementsAre("1", "2", "3", "4", "5", "6", "7"));
}

TEST(Follower, ChannelBeforeThePositionIsAskedOnce)
{
    SimulatedFollower follower;
    follower.page = 10;
    follower.next = 7;
    follower.catch_up();
    // The daemon of a stream was killed, and will publish 5 and 6 again.
    follower.next = 5;
    follower.page = 3;
    follower.get_events_calls = 0;
    follower.catch_up();
    EXPECT_EQ(follower.get_events_calls, 2);
    follower.next = 8;
    for (std::uint64_t sequence = 5; sequence <= 7; ++sequence)
        follower.receive(sequence);
    EXPECT_THAT(follower.calls, ElementsAre("1", "2", "3", "4", "5", "6", "7"));
}

TEST(Follower, ExpectedEventIsDeliveredWhileTheServiceIsUnreachable)
{
    SimulatedFollower follower;
    follower.next = 3;
    follower.catch_up();
    follower.unreachable = true;
    EXPECT_THROW(follower.catch_up(), sdbus::Error);
    follower.receive(3);
    EXPECT_THAT(follower.calls, ElementsAre("1", "2", "3")) << "no event is missing before it";
}

TEST(Follower, BusyServiceIsCalledAgainOnlyByCatchUp)
{
    SimulatedFollower follower;
    follower.next = 3;
    follower.catch_up();
    follower.get_events_calls = 0;
    follower.busy = true;
    follower.next = 7;
    for (std::uint64_t sequence = 4; sequence <= 6; ++sequence)  // the bus dropped 3
        follower.receive(sequence);
    EXPECT_EQ(follower.get_events_calls, 1) << "each signal calls the service";
    EXPECT_THROW(follower.catch_up(), sdbus::Error);
    follower.busy = false;
    follower.catch_up();
    follower.publish(7, 7);
    EXPECT_THAT(follower.calls, ElementsAre("1", "2", "3", "4", "5", "6", "7"));
}

TEST(Follower, GapIsFilledBeforeTheEventAfterIt)
{
    SimulatedFollower follower;
    follower.catch_up();
    follower.next = 6;
    follower.receive(5);  // the bus dropped 1 to 4
    follower.publish(6, 6);
    EXPECT_THAT(follower.calls, ElementsAre("1", "2", "3", "4", "5", "6"));
}

TEST(Follower, GapDelaysEventsUntilTheServiceReplies)
{
    SimulatedFollower follower;
    follower.catch_up();
    follower.unreachable = true;
    follower.receive(3);
    follower.receive(4);
    EXPECT_TRUE(follower.calls.empty());
    follower.unreachable = false;
    follower.next = 6;
    follower.receive(5);
    EXPECT_THAT(follower.calls, ElementsAre("1", "2", "3", "4", "5"));
}

TEST(Follower, LossIsReportedInOrderAndOnce)
{
    SimulatedFollower follower;
    follower.catch_up();
    follower.publish(1, 1);
    follower.handle_lost(2, 8);
    follower.receive(10);
    follower.handle_lost(2, 8);  // a restarted daemon repeats it
    EXPECT_THAT(follower.calls, ElementsAre("1", "lost 8 from 2", "10"));
}

TEST(Follower, UnknownNumberOfLostEventsHasOneSequence)
{
    SimulatedFollower follower;
    follower.catch_up();
    follower.publish(1, 1);
    const int calls = follower.get_events_calls;
    follower.handle_lost(2, 0);
    EXPECT_EQ(follower.position().next, 3U);
    follower.receive(3);
    EXPECT_EQ(follower.get_events_calls, calls) << "nothing is missing";
    follower.handle_lost(2, 0);  // a restarted daemon repeats it
    EXPECT_THAT(follower.calls, ElementsAre("1", "lost 0 from 2", "3"));
}

TEST(Follower, NewInstanceIsDetectedByItsFirstEvent)
{
    SimulatedFollower follower;
    follower.next = 4;
    follower.catch_up();
    follower.receive(3);
    follower.instance = 8;
    follower.publish(1, 2);
    EXPECT_THAT(follower.calls, ElementsAre("1", "2", "3", "replaced", "1", "2"));
    EXPECT_EQ(follower.position(), (Position{8, 3, 8002}));
}

TEST(Follower, SignalsOfTheOldInstanceAreDeliveredBeforeTheSwitch)
{
    SimulatedFollower follower;
    follower.next = 4;
    follower.catch_up();
    // 4 and 5 are in the queue of this connection when the reply shows the new instance.
    follower.instance = 8;
    follower.next = 2;
    follower.catch_up();
    follower.receive_of(7, 4);
    follower.receive_of(7, 5);
    follower.receive(1);
    EXPECT_THAT(follower.calls, ElementsAre("1", "2", "3", "4", "5", "replaced", "1"));
    follower.handle_bus_reply(true);
    EXPECT_EQ(follower.calls.size(), 7U) << "replaced is called once";
}

TEST(Follower, CatchUpDuringASwitchKeepsTheOldInstance)
{
    SimulatedFollower follower({7, 6, 7005});
    follower.next = 6;
    follower.catch_up();
    // 6, 7 and 8 wait for a slow handler.
    follower.instance = 8;
    follower.next = 8;
    follower.page = 10;
    follower.catch_up();
    follower.receive_of(7, 6);
    follower.catch_up();
    follower.receive_of(7, 7);
    follower.receive_of(7, 8);
    EXPECT_EQ(follower.bus_calls, 1);
    follower.handle_bus_reply(true);
    for (std::uint64_t sequence = 1; sequence <= 8; ++sequence) {
        follower.next = std::max(follower.next, sequence + 1);
        follower.receive(sequence);
    }
    EXPECT_THAT(follower.calls, ElementsAre("6", "7", "8", "replaced", "1", "2", "3", "4", "5", "6", "7", "8"));
}

TEST(Follower, RepeatedEventsOfTheOldInstanceDoNotSwitch)
{
    SimulatedFollower follower({7, 4, 7003});
    follower.next = 4;
    follower.catch_up();
    follower.instance = 8;
    follower.next = 1;
    follower.catch_up();
    // The waiting signals are repetitions from the first event on, still of the old instance.
    for (std::uint64_t sequence = 1; sequence <= 5; ++sequence)
        follower.receive_of(7, sequence);
    // The new instance publishes more events before the bus replies.
    follower.publish(1, 7);
    follower.handle_bus_reply(true);
    EXPECT_THAT(follower.calls, ElementsAre("4", "5", "replaced", "1", "2", "3", "4", "5", "6", "7"));
}

TEST(Follower, LossesOfTheOldInstanceAreReportedBeforeTheSwitch)
{
    ReplacedFollower follower;
    follower.catch_up();
    follower.handle_lost(4, 2);
    follower.receive_of(7, 6);
    follower.receive_of(7, 8);  // the bus dropped 7, which no longer exists
    follower.handle_lost(1, 5);
    follower.handle_bus_reply(true);
    EXPECT_THAT(follower.calls, ElementsAre("lost 2 from 4", "6", "lost 1 from 7", "8", "replaced", "1"));
}

TEST(Follower, EventsUpToPreviousAreReportedAsLost)
{
    ReplacedFollower follower;
    follower.previous = {7, 10};
    follower.catch_up();
    follower.receive_of(7, 4);
    follower.handle_bus_reply(true);
    EXPECT_THAT(follower.calls, ElementsAre("4", "lost 5 from 5", "replaced", "1"));
}

TEST(Follower, PreviousOfAnotherInstanceIsReportedAsIncomplete)
{
    ReplacedFollower follower;
    follower.previous = {6, 10};  // where 7 ended is not known
    follower.receive(1);
    EXPECT_THAT(follower.calls, ElementsAre("replaced, incomplete", "1"));
}

TEST(Follower, InstanceWithoutDeliveredEventsIsReportedAsLost)
{
    SimulatedFollower follower({7, 4, 7003});
    follower.next = 4;
    follower.catch_up();
    follower.instance = 8;
    follower.next = 3;
    follower.catch_up();
    follower.unavailable = true;  // instance 8 is removed before its events can be requested
    follower.handle_bus_reply(true);
    EXPECT_THAT(follower.calls, ElementsAre("replaced"));
    follower.unavailable = false;
    follower.instance = 9;
    follower.next = 2;
    follower.previous = {8, 3};
    follower.catch_up();
    follower.handle_bus_reply(true);
    EXPECT_THAT(follower.calls, ElementsAre("replaced", "lost 2 from 1", "replaced", "1"));
}

TEST(Follower, SwitchWaitsUntilPreviousCanBeRead)
{
    ReplacedFollower follower;
    follower.previous = {7, 6};
    follower.catch_up();
    follower.unreachable = true;
    follower.handle_bus_reply(true);
    EXPECT_TRUE(follower.calls.empty());
    follower.unreachable = false;
    follower.catch_up();
    EXPECT_EQ(follower.bus_calls, 2);
    follower.handle_bus_reply(true);
    EXPECT_THAT(follower.calls, ElementsAre("lost 2 from 4", "replaced", "1"));
}

TEST(Follower, EventsOfAnInstanceThatWasReplacedMeanwhileAreDelivered)
{
    SimulatedFollower follower;
    follower.catch_up();
    follower.instance = 8;
    follower.next = 2;
    follower.receive_of(7, 1);
    follower.receive_of(7, 2);
    follower.receive(1);
    EXPECT_THAT(follower.calls, ElementsAre("1", "2", "replaced", "1"));
}

TEST(Follower, EventsWithoutTimeSwitchAtTheReplyOfTheBus)
{
    SimulatedFollower follower({7, 4});
    follower.without_time = true;
    follower.next = 4;
    follower.catch_up();
    follower.instance = 8;
    follower.next = 2;
    follower.catch_up();
    follower.receive(4);
    follower.receive(5);
    follower.handle_bus_reply(true);
    follower.receive(1);
    EXPECT_THAT(follower.calls, ElementsAre("4", "5", "replaced", "1"));
}

TEST(Follower, EachReplacementCallsTheBus)
{
    ReplacedFollower follower;
    follower.receive(1);  // the bus has not replied to the first call yet
    follower.instance = 9;
    follower.next = 1;
    follower.catch_up();
    EXPECT_EQ(follower.bus_calls, 2);
    follower.handle_bus_reply(true);
    follower.receive_of(8, 2);
    follower.handle_bus_reply(true);
    EXPECT_THAT(follower.calls, ElementsAre("replaced", "1", "2", "replaced"));
}

TEST(Follower, FailedCallOfTheBusIsRepeated)
{
    SimulatedFollower follower({7, 4, 7003});
    follower.next = 4;
    follower.catch_up();
    follower.instance = 8;
    follower.catch_up();
    follower.handle_bus_reply(false);
    follower.receive_of(7, 4);
    EXPECT_EQ(follower.bus_calls, 2);
    follower.handle_bus_reply(true);
    EXPECT_THAT(follower.calls, ElementsAre("4", "replaced", "1", "2", "3"));
}

TEST(Follower, ReplacementOfAChannelWithoutEventsIsReported)
{
    SimulatedFollower follower;
    follower.catch_up();
    follower.instance = 8;
    follower.publish(1, 2);
    follower.catch_up();
    EXPECT_THAT(follower.calls, ElementsAre("replaced", "1", "2"));
}

TEST(Follower, LossOfANewInstanceIsReportedAfterTheSwitch)
{
    SimulatedFollower follower;
    follower.next = 4;
    follower.catch_up();
    follower.instance = 8;
    follower.oldest = 6;
    follower.next = 7;
    follower.handle_lost(1, 5);
    follower.receive(6);
    EXPECT_THAT(follower.calls, ElementsAre("1", "2", "3", "replaced", "lost 5 from 1", "6"));
}

TEST(Follower, NewInstanceWithoutEventsIsReported)
{
    SimulatedFollower follower;
    follower.next = 4;
    follower.catch_up();
    follower.instance = 8;
    follower.next = 1;
    follower.catch_up();
    follower.handle_bus_reply(true);
    EXPECT_THAT(follower.calls, ElementsAre("1", "2", "3", "replaced"));
    EXPECT_EQ(follower.position(), (Position{8, 1}));
}

TEST(Follower, NewInstanceBeyondThePositionIsDetected)
{
    SimulatedFollower follower;
    follower.next = 4;
    follower.catch_up();
    follower.instance = 8;
    follower.next = 9;
    follower.receive(8);
    EXPECT_THAT(follower.calls, ElementsAre("1", "2", "3", "replaced", "1", "2", "3", "4", "5", "6", "7", "8"));
}

TEST(Follower, SavedPositionIsContinued)
{
    SimulatedFollower follower({7, 5});
    follower.next = 7;
    follower.catch_up();
    EXPECT_THAT(follower.calls, ElementsAre("5", "6"));
}

}  // namespace
}  // namespace drvbus::test

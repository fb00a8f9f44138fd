// SPDX-License-Identifier: LGPL-2.1-or-later
#include "channel/state_machine.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace drvbus::test {
namespace {

using channel::Action;
using channel::Event;
using channel::next;
using channel::State;
using channel::Transition;

constexpr State kStates[] = {State::absent,          State::retrying, State::failed,   State::online,  State::flooded,
                             State::flooded_reading, State::removing, State::retiring, State::removed, State::retired};
constexpr Event kEvents[] = {Event::opened,          Event::device_missing,    Event::device_unusable,
                             Event::device_error,    Event::flood_detected,    Event::drained,
                             Event::input_ended,     Event::retry_due,         Event::configured,
                             Event::device_appeared, Event::device_added,      Event::device_replaced,
                             Event::device_removed,  Event::removal_cancelled, Event::retire_requested};

bool does(const Transition& transition, Action action)
{
    return contains(transition.actions, action);
}

/// The state after all of `events`.
State after(State state, const std::vector<Event>& events)
{
    for (const Event event : events)
        state = next(state, event).to;
    return state;
}

TEST(ChannelStateMachine, DeviceThatAppearsIsOpenedAndGoesOnline)
{
    for (const State state : {State::absent, State::retrying, State::failed}) {
        EXPECT_TRUE(does(next(state, Event::device_appeared), Action::open_device));
        EXPECT_EQ(after(state, {Event::device_appeared, Event::opened}), State::online);
    }
}

TEST(ChannelStateMachine, FailureToOpenSelectsTheStateByItsCause)
{
    for (const State state : {State::absent, State::retrying, State::failed, State::online, State::flooded_reading}) {
        EXPECT_EQ(next(state, Event::device_missing).to, State::absent);
        EXPECT_EQ(next(state, Event::device_unusable).to, State::failed);
        EXPECT_EQ(next(state, Event::device_error).to, State::retrying);
    }
}

TEST(ChannelStateMachine, EveryStateThatWaitsForTheDeviceHasATimerExceptFailed)
{
    for (const State state : kStates) {
        for (const Event event : kEvents) {
            const Transition transition = next(state, event);
            const bool entered = transition.to != state;
            if (entered && (transition.to == State::absent || transition.to == State::retrying ||
                            transition.to == State::flooded)) {
                EXPECT_TRUE(does(transition, Action::schedule_retry) || does(transition, Action::open_device))
                    << "a channel would wait for ever";
            }
            if (transition.to == State::failed) {
                EXPECT_FALSE(does(transition, Action::schedule_retry));
            }
        }
    }
}

TEST(ChannelStateMachine, FailedIsLeftOnlyByNewSettingsOrAnotherDevice)
{
    EXPECT_EQ(next(State::failed, Event::retry_due).actions, Action::none);
    EXPECT_TRUE(does(next(State::failed, Event::configured), Action::open_device));
    EXPECT_TRUE(does(next(State::failed, Event::device_added), Action::open_device));
}

TEST(ChannelStateMachine, FloodPausesTheDeviceWithoutClosingIt)
{
    const Transition pause = next(State::online, Event::flood_detected);
    EXPECT_EQ(pause.to, State::flooded);
    EXPECT_TRUE(does(pause, Action::stop_reading));
    EXPECT_FALSE(does(pause, Action::close_device));
    EXPECT_TRUE(does(next(State::flooded, Event::retry_due), Action::resume_reading));
    EXPECT_EQ(after(State::flooded, {Event::retry_due, Event::drained}), State::online);
    EXPECT_EQ(after(State::flooded, {Event::retry_due, Event::flood_detected}), State::flooded);
}

TEST(ChannelStateMachine, RemovedDeviceIsReadToItsEnd)
{
    for (const State state : {State::absent, State::retrying, State::failed, State::online, State::flooded}) {
        const Transition removal = next(state, Event::device_removed);
        EXPECT_EQ(removal.to, State::removing);
        EXPECT_TRUE(does(removal, Action::read_rest));
        EXPECT_TRUE(does(removal, Action::cancel_retry)) << "nobody opens the device again";
    }
    EXPECT_EQ(after(State::removing, {Event::input_ended}), State::removed);
    EXPECT_EQ(after(State::online, {Event::input_ended}), State::removed);
}

TEST(ChannelStateMachine, RemovalCanBeCancelledWhileEventsAreLeft)
{
    EXPECT_EQ(next(State::removing, Event::removal_cancelled).to, State::online);
    EXPECT_EQ(next(State::removed, Event::removal_cancelled).to, State::removed);
    EXPECT_EQ(next(State::retiring, Event::removal_cancelled).to, State::retiring);
}

TEST(ChannelStateMachine, DeviceThatIsAddedAgainContinuesARemovedChannel)
{
    EXPECT_TRUE(does(next(State::removed, Event::device_added), Action::open_device));
    EXPECT_EQ(after(State::removed, {Event::device_added, Event::opened}), State::online);
    EXPECT_EQ(next(State::retired, Event::device_added).to, State::retired);
}

TEST(ChannelStateMachine, RetiringReadsNoNewInputAndEndsRetired)
{
    for (const State state : {State::absent, State::retrying, State::failed, State::online, State::flooded,
                              State::flooded_reading, State::removing}) {
        const Transition transition = next(state, Event::retire_requested);
        EXPECT_EQ(transition.to, State::retiring);
        EXPECT_TRUE(does(transition, Action::finish_input));
    }
    EXPECT_EQ(after(State::retiring, {Event::input_ended}), State::retired);
    EXPECT_EQ(after(State::retiring, {Event::device_error}), State::retired);
}

TEST(ChannelStateMachine, AnEndingChannelNeverOpensItsDevice)
{
    for (const State state : {State::removing, State::retiring, State::retired}) {
        for (const Event event : kEvents) {
            EXPECT_FALSE(does(next(state, event), Action::open_device));
            EXPECT_FALSE(does(next(state, event), Action::schedule_retry));
        }
    }
}

TEST(ChannelStateMachine, EventWithoutMeaningChangesNothing)
{
    const Transition transition = next(State::online, Event::retry_due);
    EXPECT_EQ(transition.to, State::online);
    EXPECT_EQ(transition.actions, Action::none);
}

TEST(ChannelStateMachine, PropertyStateHasFourValues)
{
    EXPECT_EQ(to_string(State::online), "online");
    EXPECT_EQ(to_string(State::retiring), "online");
    EXPECT_EQ(to_string(State::absent), "absent");
    EXPECT_EQ(to_string(State::removing), "absent");
    EXPECT_EQ(to_string(State::retrying), "retrying");
    EXPECT_EQ(to_string(State::flooded), "retrying");
    EXPECT_EQ(to_string(State::flooded_reading), "retrying");
    EXPECT_EQ(to_string(State::failed), "failed");
}

TEST(ChannelStateMachine, OnlyFinalStatesAreDeleted)
{
    for (const State state : kStates)
        EXPECT_EQ(is_final(state), state == State::removed || state == State::retired);
}

}  // namespace
}  // namespace drvbus::test

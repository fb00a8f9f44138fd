// SPDX-License-Identifier: LGPL-2.1-or-later
#include "channel/state_machine.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace drvbus::test {
namespace {

using channel::Action;
using channel::next;
using channel::State;
using channel::Transition;
using channel::Trigger;

constexpr State kStates[] = {State::absent,          State::retrying, State::failed,   State::online,  State::flooded,
                             State::flooded_reading, State::removing, State::retiring, State::removed, State::retired};
constexpr Trigger kTriggers[] = {Trigger::opened,          Trigger::device_missing,    Trigger::device_unusable,
                                 Trigger::device_error,    Trigger::flood_detected,    Trigger::drained,
                                 Trigger::input_ended,     Trigger::retry_due,         Trigger::settings_changed,
                                 Trigger::device_appeared, Trigger::device_added,      Trigger::device_replaced,
                                 Trigger::device_removed,  Trigger::removal_cancelled, Trigger::retire_requested};

bool does(const Transition& transition, Action action)
{
    return contains_any(transition.actions, action);
}

/// The state after all of `triggers`.
State after(State state, const std::vector<Trigger>& triggers)
{
    for (const Trigger trigger : triggers)
        state = next(state, trigger).to;
    return state;
}

TEST(ChannelStateMachine, DeviceThatAppearsIsOpenedAndGoesOnline)
{
    for (const State state : {State::absent, State::retrying, State::failed}) {
        EXPECT_TRUE(does(next(state, Trigger::device_appeared), Action::open_device));
        EXPECT_EQ(after(state, {Trigger::device_appeared, Trigger::opened}), State::online);
    }
}

TEST(ChannelStateMachine, FailureToOpenSelectsTheStateByItsCause)
{
    for (const State state : {State::absent, State::retrying, State::failed, State::online, State::flooded_reading}) {
        EXPECT_EQ(next(state, Trigger::device_missing).to, State::absent);
        EXPECT_EQ(next(state, Trigger::device_unusable).to, State::failed);
        EXPECT_EQ(next(state, Trigger::device_error).to, State::retrying);
    }
}

TEST(ChannelStateMachine, EveryStateThatWaitsForTheDeviceHasATimerExceptFailed)
{
    for (const State state : kStates) {
        for (const Trigger trigger : kTriggers) {
            const Transition transition = next(state, trigger);
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
    EXPECT_EQ(next(State::failed, Trigger::retry_due).actions, Action::none);
    EXPECT_TRUE(does(next(State::failed, Trigger::settings_changed), Action::open_device));
    EXPECT_TRUE(does(next(State::failed, Trigger::device_added), Action::open_device));
}

TEST(ChannelStateMachine, FloodPausesTheDeviceWithoutClosingIt)
{
    const Transition pause = next(State::online, Trigger::flood_detected);
    EXPECT_EQ(pause.to, State::flooded);
    EXPECT_TRUE(does(pause, Action::stop_and_keep_open));
    EXPECT_FALSE(does(pause, Action::stop_and_close_unless_ring));
    EXPECT_TRUE(does(next(State::flooded, Trigger::retry_due), Action::resume_reading));
    EXPECT_EQ(after(State::flooded, {Trigger::retry_due, Trigger::drained}), State::online);
    EXPECT_EQ(after(State::flooded, {Trigger::retry_due, Trigger::flood_detected}), State::flooded);
}

TEST(ChannelStateMachine, RemovedDeviceIsReadToItsEnd)
{
    for (const State state : {State::absent, State::retrying, State::failed, State::online, State::flooded}) {
        const Transition removal = next(state, Trigger::device_removed);
        EXPECT_EQ(removal.to, State::removing);
        EXPECT_TRUE(does(removal, Action::read_rest));
        EXPECT_TRUE(does(removal, Action::cancel_retry)) << "nobody opens the device again";
    }
    EXPECT_EQ(after(State::removing, {Trigger::input_ended}), State::removed);
    EXPECT_EQ(after(State::online, {Trigger::input_ended}), State::removed);
}

TEST(ChannelStateMachine, RemovalCanBeCancelledWhileEventsAreLeft)
{
    EXPECT_EQ(next(State::removing, Trigger::removal_cancelled).to, State::online);
    EXPECT_EQ(next(State::removed, Trigger::removal_cancelled).to, State::removed);
    EXPECT_EQ(next(State::retiring, Trigger::removal_cancelled).to, State::retiring);
}

TEST(ChannelStateMachine, DeviceThatIsAddedAgainContinuesARemovedChannel)
{
    EXPECT_TRUE(does(next(State::removed, Trigger::device_added), Action::open_device));
    EXPECT_EQ(after(State::removed, {Trigger::device_added, Trigger::opened}), State::online);
    EXPECT_EQ(next(State::retired, Trigger::device_added).to, State::retired);
}

TEST(ChannelStateMachine, RetiringReadsNoNewInputAndEndsRetired)
{
    for (const State state : {State::absent, State::retrying, State::failed, State::online, State::flooded,
                              State::flooded_reading, State::removing}) {
        const Transition transition = next(state, Trigger::retire_requested);
        EXPECT_EQ(transition.to, State::retiring);
        EXPECT_TRUE(does(transition, Action::finish_input));
    }
    EXPECT_EQ(after(State::retiring, {Trigger::input_ended}), State::retired);
    EXPECT_EQ(after(State::retiring, {Trigger::device_error}), State::retired);
}

TEST(ChannelStateMachine, AnEndingChannelNeverOpensItsDevice)
{
    for (const State state : {State::removing, State::retiring, State::retired}) {
        for (const Trigger trigger : kTriggers) {
            EXPECT_FALSE(does(next(state, trigger), Action::open_device));
            EXPECT_FALSE(does(next(state, trigger), Action::schedule_retry));
        }
    }
}

TEST(ChannelStateMachine, TriggerWithoutMeaningChangesNothing)
{
    const Transition transition = next(State::online, Trigger::retry_due);
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

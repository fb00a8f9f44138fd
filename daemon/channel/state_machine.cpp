// SPDX-License-Identifier: LGPL-2.1-or-later
#include "channel/state_machine.hpp"

#include <algorithm>
#include <array>

namespace drvbus::channel {

namespace {

using enum Action;

constexpr Action kReopen = cancel_retry | reset_backoff | open_device;
constexpr Action kRetryLater = stop_and_close_unless_ring | schedule_retry;
constexpr Action kReadRest = cancel_retry | read_rest;
constexpr Action kRetire = cancel_retry | finish_input;

constexpr std::array kTransitions = std::to_array<Transition>({
    // The device is not open, or is a ring, which stays open for a retry.
    {State::absent, Trigger::opened, State::online, none},
    {State::absent, Trigger::device_missing, State::absent, kRetryLater},
    {State::absent, Trigger::device_unusable, State::failed, stop_and_keep_open},
    {State::absent, Trigger::device_error, State::retrying, kRetryLater},
    {State::absent, Trigger::retry_due, State::absent, open_device},
    {State::absent, Trigger::settings_changed, State::absent, kReopen},
    {State::absent, Trigger::device_appeared, State::absent, kReopen},
    {State::absent, Trigger::device_added, State::absent, kReopen},
    {State::absent, Trigger::device_replaced, State::removing, kReadRest},
    {State::absent, Trigger::device_removed, State::removing, kReadRest},
    {State::absent, Trigger::retire_requested, State::retiring, kRetire},

    {State::retrying, Trigger::opened, State::online, none},
    {State::retrying, Trigger::device_missing, State::absent, kRetryLater},
    {State::retrying, Trigger::device_unusable, State::failed, stop_and_keep_open},
    {State::retrying, Trigger::device_error, State::retrying, kRetryLater},
    {State::retrying, Trigger::retry_due, State::retrying, open_device},
    {State::retrying, Trigger::settings_changed, State::retrying, kReopen},
    {State::retrying, Trigger::device_appeared, State::retrying, kReopen},
    {State::retrying, Trigger::device_added, State::retrying, kReopen},
    {State::retrying, Trigger::device_replaced, State::removing, kReadRest},
    {State::retrying, Trigger::device_removed, State::removing, kReadRest},
    {State::retrying, Trigger::retire_requested, State::retiring, kRetire},

    // There is no retry after a delay. The device may be open.
    {State::failed, Trigger::opened, State::online, none},
    {State::failed, Trigger::device_missing, State::absent, kRetryLater},
    {State::failed, Trigger::device_unusable, State::failed, stop_and_keep_open},
    {State::failed, Trigger::device_error, State::retrying, kRetryLater},
    {State::failed, Trigger::settings_changed, State::failed, kReopen},
    {State::failed, Trigger::device_appeared, State::failed, kReopen},
    {State::failed, Trigger::device_added, State::failed, kReopen},
    {State::failed, Trigger::device_replaced, State::removing, kReadRest},
    {State::failed, Trigger::device_removed, State::removing, kReadRest},
    {State::failed, Trigger::retire_requested, State::retiring, kRetire},

    {State::online, Trigger::device_missing, State::absent, kRetryLater},
    {State::online, Trigger::device_unusable, State::failed, stop_and_keep_open},
    {State::online, Trigger::device_error, State::retrying, kRetryLater},
    {State::online, Trigger::flood_detected, State::flooded, stop_and_keep_open | schedule_retry},
    {State::online, Trigger::input_ended, State::removed, none},
    {State::online, Trigger::device_removed, State::removing, kReadRest},
    {State::online, Trigger::retire_requested, State::retiring, kRetire},

    // In `flooded` and `flooded_reading`, the device stays open, because nothing is wrong with it.
    {State::flooded, Trigger::opened, State::online, none},
    {State::flooded, Trigger::device_missing, State::absent, kRetryLater},
    {State::flooded, Trigger::device_unusable, State::failed, stop_and_keep_open},
    {State::flooded, Trigger::device_error, State::retrying, kRetryLater},
    {State::flooded, Trigger::retry_due, State::flooded_reading, resume_reading},
    {State::flooded, Trigger::settings_changed, State::flooded, kReopen},
    {State::flooded, Trigger::device_removed, State::removing, kReadRest},
    {State::flooded, Trigger::retire_requested, State::retiring, kRetire},

    {State::flooded_reading, Trigger::drained, State::online, none},
    {State::flooded_reading, Trigger::device_missing, State::absent, kRetryLater},
    {State::flooded_reading, Trigger::device_unusable, State::failed, stop_and_keep_open},
    {State::flooded_reading, Trigger::device_error, State::retrying, kRetryLater},
    {State::flooded_reading, Trigger::flood_detected, State::flooded, stop_and_keep_open | schedule_retry},
    {State::flooded_reading, Trigger::input_ended, State::removed, none},
    {State::flooded_reading, Trigger::device_removed, State::removing, kReadRest},
    {State::flooded_reading, Trigger::retire_requested, State::retiring, kRetire},

    // The channel publishes its remaining events. An error ends it at once, because the device cannot be opened again.
    {State::removing, Trigger::device_missing, State::removed, stop_and_close_unless_ring},
    {State::removing, Trigger::device_unusable, State::removed, stop_and_close_unless_ring},
    {State::removing, Trigger::device_error, State::removed, stop_and_close_unless_ring},
    {State::removing, Trigger::input_ended, State::removed, none},
    {State::removing, Trigger::removal_cancelled, State::online, none},
    {State::removing, Trigger::retire_requested, State::retiring, kRetire},

    {State::retiring, Trigger::device_missing, State::retired, stop_and_close_unless_ring},
    {State::retiring, Trigger::device_unusable, State::retired, stop_and_close_unless_ring},
    {State::retiring, Trigger::device_error, State::retired, stop_and_close_unless_ring},
    {State::retiring, Trigger::input_ended, State::retired, none},

    // If the device is added again before the daemon has deleted the channel, the channel continues.
    {State::removed, Trigger::device_added, State::absent, kReopen},
    {State::removed, Trigger::retire_requested, State::retired, none},
});

}  // namespace

Transition next(State state, Trigger trigger) noexcept
{
    const auto* const found = std::ranges::find_if(kTransitions, [&](const Transition& transition) {
        return transition.from == state && transition.trigger == trigger;
    });
    return found == kTransitions.end() ? Transition{state, trigger, state, none} : *found;
}

bool is_final(State state) noexcept
{
    return state == State::removed || state == State::retired;
}

std::string_view to_string(State state) noexcept
{
    switch (state) {
    case State::online:
    case State::retiring:  // its device is still there, unlike that of `removing`
        return "online";
    case State::retrying:
    case State::flooded:
    case State::flooded_reading:
        return "retrying";
    case State::failed:
        return "failed";
    default:
        return "absent";
    }
}

}  // namespace drvbus::channel

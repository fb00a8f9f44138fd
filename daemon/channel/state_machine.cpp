// SPDX-License-Identifier: LGPL-2.1-or-later
#include "channel/state_machine.hpp"

#include <algorithm>
#include <array>

namespace drvbus::channel {

namespace {

using enum Action;

constexpr Action kReopen = cancel_retry | reset_backoff | open_device;
constexpr Action kRetryLater = close_device | schedule_retry;
constexpr Action kReadRest = cancel_retry | read_rest;
constexpr Action kRetire = cancel_retry | finish_input;

constexpr std::array kTransitions = std::to_array<Transition>({
    // The device is not open, or is a ring, which stays open for a retry.
    {State::absent, Event::opened, State::online, none},
    {State::absent, Event::device_missing, State::absent, kRetryLater},
    {State::absent, Event::device_unusable, State::failed, stop_reading},
    {State::absent, Event::device_error, State::retrying, kRetryLater},
    {State::absent, Event::retry_due, State::absent, open_device},
    {State::absent, Event::configured, State::absent, kReopen},
    {State::absent, Event::device_appeared, State::absent, kReopen},
    {State::absent, Event::device_added, State::absent, kReopen},
    {State::absent, Event::device_replaced, State::removing, kReadRest},
    {State::absent, Event::device_removed, State::removing, kReadRest},
    {State::absent, Event::retire_requested, State::retiring, kRetire},

    {State::retrying, Event::opened, State::online, none},
    {State::retrying, Event::device_missing, State::absent, kRetryLater},
    {State::retrying, Event::device_unusable, State::failed, stop_reading},
    {State::retrying, Event::device_error, State::retrying, kRetryLater},
    {State::retrying, Event::retry_due, State::retrying, open_device},
    {State::retrying, Event::configured, State::retrying, kReopen},
    {State::retrying, Event::device_appeared, State::retrying, kReopen},
    {State::retrying, Event::device_added, State::retrying, kReopen},
    {State::retrying, Event::device_replaced, State::removing, kReadRest},
    {State::retrying, Event::device_removed, State::removing, kReadRest},
    {State::retrying, Event::retire_requested, State::retiring, kRetire},

    // There is no retry after a delay. The device may be open.
    {State::failed, Event::opened, State::online, none},
    {State::failed, Event::device_missing, State::absent, kRetryLater},
    {State::failed, Event::device_unusable, State::failed, stop_reading},
    {State::failed, Event::device_error, State::retrying, kRetryLater},
    {State::failed, Event::configured, State::failed, kReopen},
    {State::failed, Event::device_appeared, State::failed, kReopen},
    {State::failed, Event::device_added, State::failed, kReopen},
    {State::failed, Event::device_replaced, State::removing, kReadRest},
    {State::failed, Event::device_removed, State::removing, kReadRest},
    {State::failed, Event::retire_requested, State::retiring, kRetire},

    {State::online, Event::device_missing, State::absent, kRetryLater},
    {State::online, Event::device_unusable, State::failed, stop_reading},
    {State::online, Event::device_error, State::retrying, kRetryLater},
    {State::online, Event::flood_detected, State::flooded, stop_reading | schedule_retry},
    {State::online, Event::input_ended, State::removed, none},
    {State::online, Event::device_removed, State::removing, kReadRest},
    {State::online, Event::retire_requested, State::retiring, kRetire},

    // In `flooded` and `flooded_reading`, the device stays open, because nothing is wrong with it.
    {State::flooded, Event::opened, State::online, none},
    {State::flooded, Event::device_missing, State::absent, kRetryLater},
    {State::flooded, Event::device_unusable, State::failed, stop_reading},
    {State::flooded, Event::device_error, State::retrying, kRetryLater},
    {State::flooded, Event::retry_due, State::flooded_reading, resume_reading},
    {State::flooded, Event::configured, State::flooded, kReopen},
    {State::flooded, Event::device_removed, State::removing, kReadRest},
    {State::flooded, Event::retire_requested, State::retiring, kRetire},

    {State::flooded_reading, Event::drained, State::online, none},
    {State::flooded_reading, Event::device_missing, State::absent, kRetryLater},
    {State::flooded_reading, Event::device_unusable, State::failed, stop_reading},
    {State::flooded_reading, Event::device_error, State::retrying, kRetryLater},
    {State::flooded_reading, Event::flood_detected, State::flooded, stop_reading | schedule_retry},
    {State::flooded_reading, Event::input_ended, State::removed, none},
    {State::flooded_reading, Event::device_removed, State::removing, kReadRest},
    {State::flooded_reading, Event::retire_requested, State::retiring, kRetire},

    // The channel publishes its remaining events. An error ends it at once, because the device cannot be opened again.
    {State::removing, Event::device_missing, State::removed, close_device},
    {State::removing, Event::device_unusable, State::removed, close_device},
    {State::removing, Event::device_error, State::removed, close_device},
    {State::removing, Event::input_ended, State::removed, none},
    {State::removing, Event::removal_cancelled, State::online, none},
    {State::removing, Event::retire_requested, State::retiring, kRetire},

    {State::retiring, Event::device_missing, State::retired, close_device},
    {State::retiring, Event::device_unusable, State::retired, close_device},
    {State::retiring, Event::device_error, State::retired, close_device},
    {State::retiring, Event::input_ended, State::retired, none},

    // If the device is added again before the daemon has deleted the channel, the channel continues.
    {State::removed, Event::device_added, State::absent, kReopen},
    {State::removed, Event::retire_requested, State::retired, none},
});

}  // namespace

Transition next(State state, Event event) noexcept
{
    const auto* const found = std::ranges::find_if(kTransitions, [&](const Transition& transition) {
        return transition.from == state && transition.event == event;
    });
    return found == kTransitions.end() ? Transition{state, event, state, none} : *found;
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

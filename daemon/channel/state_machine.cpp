// SPDX-License-Identifier: LGPL-2.1-or-later
#include "channel/state_machine.hpp"

#include <algorithm>
#include <array>

namespace drvbus::channel {

namespace {

using enum Action;

constexpr Action kReopen = cancel_retry | reset_backoff | open_device;
constexpr Action kRetryLater = release_device | schedule_retry;
constexpr Action kReadRest = cancel_retry | read_rest;
constexpr Action kRetire = cancel_retry | finish_input;

constexpr std::array kTransitions = std::to_array<Transition>({
    // The device is not open, or is a ring that is kept open for a retry.
    {State::absent, Event::opened, State::online, none},
    {State::absent, Event::device_missing, State::absent, kRetryLater},
    {State::absent, Event::device_unusable, State::failed, pause_device},
    {State::absent, Event::device_error, State::retrying, kRetryLater},
    {State::absent, Event::retry_due, State::absent, open_device},
    {State::absent, Event::configured, State::absent, kReopen},
    {State::absent, Event::device_appeared, State::absent, kReopen},
    {State::absent, Event::device_added, State::absent, kReopen},
    {State::absent, Event::device_replaced, State::removing, kReadRest},
    {State::absent, Event::device_removed, State::removing, kReadRest},
    {State::absent, Event::retired, State::retiring, kRetire},

    {State::retrying, Event::opened, State::online, none},
    {State::retrying, Event::device_missing, State::absent, kRetryLater},
    {State::retrying, Event::device_unusable, State::failed, pause_device},
    {State::retrying, Event::device_error, State::retrying, kRetryLater},
    {State::retrying, Event::retry_due, State::retrying, open_device},
    {State::retrying, Event::configured, State::retrying, kReopen},
    {State::retrying, Event::device_appeared, State::retrying, kReopen},
    {State::retrying, Event::device_added, State::retrying, kReopen},
    {State::retrying, Event::device_replaced, State::removing, kReadRest},
    {State::retrying, Event::device_removed, State::removing, kReadRest},
    {State::retrying, Event::retired, State::retiring, kRetire},

    // As above, but there is no retry after a delay.
    {State::failed, Event::opened, State::online, none},
    {State::failed, Event::device_missing, State::absent, kRetryLater},
    {State::failed, Event::device_unusable, State::failed, pause_device},
    {State::failed, Event::device_error, State::retrying, kRetryLater},
    {State::failed, Event::configured, State::failed, kReopen},
    {State::failed, Event::device_appeared, State::failed, kReopen},
    {State::failed, Event::device_added, State::failed, kReopen},
    {State::failed, Event::device_replaced, State::removing, kReadRest},
    {State::failed, Event::device_removed, State::removing, kReadRest},
    {State::failed, Event::retired, State::retiring, kRetire},

    {State::online, Event::device_missing, State::absent, kRetryLater},
    {State::online, Event::device_unusable, State::failed, pause_device},
    {State::online, Event::device_error, State::retrying, kRetryLater},
    {State::online, Event::flood_detected, State::flooded, pause_device | schedule_retry},
    {State::online, Event::input_ended, State::removed, none},
    {State::online, Event::device_removed, State::removing, kReadRest},
    {State::online, Event::retired, State::retiring, kRetire},

    // In `flooded` and `flooded_reading`, the device stays open, because nothing is wrong with it.
    {State::flooded, Event::opened, State::online, none},
    {State::flooded, Event::device_missing, State::absent, kRetryLater},
    {State::flooded, Event::device_unusable, State::failed, pause_device},
    {State::flooded, Event::device_error, State::retrying, kRetryLater},
    {State::flooded, Event::retry_due, State::flooded_reading, resume_reading},
    {State::flooded, Event::configured, State::flooded, kReopen},
    {State::flooded, Event::device_removed, State::removing, kReadRest},
    {State::flooded, Event::retired, State::retiring, kRetire},

    {State::flooded_reading, Event::drained, State::online, none},
    {State::flooded_reading, Event::device_missing, State::absent, kRetryLater},
    {State::flooded_reading, Event::device_unusable, State::failed, pause_device},
    {State::flooded_reading, Event::device_error, State::retrying, kRetryLater},
    {State::flooded_reading, Event::flood_detected, State::flooded, pause_device | schedule_retry},
    {State::flooded_reading, Event::input_ended, State::removed, none},
    {State::flooded_reading, Event::device_removed, State::removing, kReadRest},
    {State::flooded_reading, Event::retired, State::retiring, kRetire},

    // The channel publishes its remaining events. An error ends it at once, because the device cannot be opened again.
    {State::removing, Event::device_missing, State::removed, release_device},
    {State::removing, Event::device_unusable, State::removed, release_device},
    {State::removing, Event::device_error, State::removed, release_device},
    {State::removing, Event::input_ended, State::removed, none},
    {State::removing, Event::removal_cancelled, State::online, none},
    {State::removing, Event::retired, State::retiring, kRetire},

    {State::retiring, Event::device_missing, State::retired, release_device},
    {State::retiring, Event::device_unusable, State::retired, release_device},
    {State::retiring, Event::device_error, State::retired, release_device},
    {State::retiring, Event::input_ended, State::retired, none},

    // If the device is added again before the daemon has deleted the channel, the channel continues.
    {State::removed, Event::device_added, State::absent, kReopen},
    {State::removed, Event::retired, State::retired, none},
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
    case State::retiring:
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

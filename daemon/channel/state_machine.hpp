// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string_view>

namespace drvbus::channel {

/// The life of a channel, from its first `open` to its removal from the bus. state_machine.cpp has all transitions in
/// one table. The state machine does no I/O: it says which actions the channel has to run.
enum class State : std::uint8_t {
    absent,           ///< the device does not exist; the channel opens it after the back-off, or when it appears
    retrying,         ///< opening or reading the device failed; the channel opens it again after the back-off
    failed,           ///< the device cannot be used before the configuration or the device changes
    online,           ///< the device is open and its events are published
    flooded,          ///< the device is open, but not read for a while, because it never became drained
    flooded_reading,  ///< as `flooded`, and it is read now to find out whether it becomes drained
    removing,         ///< the driver removed the device; the events that its ring still holds are being published
    retiring,         ///< the configuration dropped the channel; the input read before is being published
    removed,          ///< nothing is left to publish; the daemon deletes the channel, unless the device is added again
    retired,          ///< nothing is left to publish; the daemon deletes the channel
};

enum class Event : std::uint8_t {
    opened,             ///< the device is open and set up
    device_missing,     ///< opening or reading failed: the device does not exist
    device_unusable,    ///< opening or reading failed: trying again does not help
    device_error,       ///< opening or reading failed for any other reason
    flood_detected,     ///< the device has had events without ever being drained
    drained,            ///< a read found no event
    nothing_left,       ///< every event that will ever come from the device has been published
    retry_due,          ///< the back-off time is over
    configured,         ///< the channel got new settings for the same device
    device_appeared,    ///< udev announced a device that matches, while none is open
    device_added,       ///< udev announced a device of class drvbus under the channel's name
    device_replaced,    ///< as `device_added`, while the ring of the previous device still is to be published
    device_removed,     ///< udev announced that the channel's device of class drvbus was removed
    removal_cancelled,  ///< the removal that udev announced was of an earlier device
    retired,            ///< the configuration no longer has this channel
};

/// What the channel has to do at a transition. The channel runs them in this order.
enum class Action : std::uint16_t {
    none = 0,
    cancel_retry = 1U << 0U,    ///< stop the back-off timer
    pause_device = 1U << 1U,    ///< stop reading; the device stays open
    release_device = 1U << 2U,  ///< stop reading and close the device, unless a ring still holds events for later
    finish_input = 1U << 3U,    ///< read no more from the device; publish what was read before
    reset_backoff = 1U << 4U,   ///< the next retry comes after the shortest time
    open_device = 1U << 5U,     ///< open the device; the result is the next event
    resume_reading = 1U << 6U,  ///< read the open device again, with its notification
    read_rest = 1U << 7U,       ///< read the open device up to the end of its ring, without a notification
    schedule_retry = 1U << 8U,  ///< start the back-off timer
};

[[nodiscard]] constexpr Action operator|(Action a, Action b) noexcept
{
    return static_cast<Action>(static_cast<std::uint16_t>(a) | static_cast<std::uint16_t>(b));
}
[[nodiscard]] constexpr bool contains(Action actions, Action one) noexcept
{
    return (static_cast<std::uint16_t>(actions) & static_cast<std::uint16_t>(one)) != 0;
}

struct Transition {
    State from;
    Event event;
    State to;
    Action actions;
};

/// The transition for `event` in `state`. An event that means nothing in a state has a transition to the same state
/// without actions.
[[nodiscard]] Transition next(State state, Event event) noexcept;

/// Whether the daemon has to delete the channel: nothing more will be published.
[[nodiscard]] bool is_final(State state) noexcept;

/// The value of the D-Bus property State: "online", "retrying", "absent" or "failed".
[[nodiscard]] std::string_view to_string(State state) noexcept;

}  // namespace drvbus::channel

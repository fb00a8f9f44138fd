// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string_view>

namespace drvbus::channel {

/// The life of a channel, from the first attempt to open its device until the daemon deletes the channel.
/// state_machine.cpp has all transitions in one table. The state machine does no I/O: it says which actions the channel
/// has to run.
///
/// A channel ends in one of two ways. Its device of class drvbus is *removed*: the driver removed it. Or the channel is
/// *retired*: the configuration no longer assigns this device to the channel's name. It gives the name to another
/// device, or the [[channel]] with the device was deleted.
enum class State : std::uint8_t {
    absent,           ///< the device does not exist; the channel opens it after the back-off, or when it appears
    retrying,         ///< opening or reading the device failed; the channel opens it again after the back-off
    failed,           ///< the device cannot be used before the configuration or the device changes
    online,           ///< the device is open and its events are published
    flooded,          ///< the device is open, but not read for a while, because it was never drained
    flooded_reading,  ///< as `flooded`, but the device is read now, to find out whether it can be drained
    removing,         ///< the driver removed the device; the events that its ring still holds are being published
    retiring,         ///< the device is no longer assigned to the channel; the events from before are being published
    removed,          ///< nothing is left to publish; the daemon deletes the channel, unless the device is added again
    retired,          ///< nothing is left to publish; the daemon deletes the channel
};

/// What can cause a transition of a channel.
enum class Trigger : std::uint8_t {
    opened,             ///< the device is open and set up
    device_missing,     ///< opening or reading failed: the device does not exist
    device_unusable,    ///< opening or reading failed: trying again does not help
    device_error,       ///< opening or reading failed for any other reason
    flood_detected,     ///< the device had too many events without being drained
    drained,            ///< a read found no more events
    input_ended,        ///< every event that will ever come from the device has been sent to the bus
    retry_due,          ///< the back-off or the pause is over
    settings_changed,   ///< the channel got new settings for the same device
    device_appeared,    ///< the channel is new, or udev announced its configured device while none is open
    device_added,       ///< udev announced a device of class drvbus under the channel's name
    device_replaced,    ///< as `device_added`, but the ring of the previous device still has events to publish
    device_removed,     ///< udev announced that the channel's device of class drvbus was removed
    removal_cancelled,  ///< the device that udev announced as removed was an earlier one
    retire_requested,   ///< the configuration no longer assigns the device to the channel's name
};

/// What the channel has to do at a transition. The channel runs them in this order.
enum class Action : std::uint16_t {
    none = 0,
    cancel_retry = 1U << 0U,                ///< stop the timer of the back-off or of the pause
    stop_and_keep_open = 1U << 1U,          ///< stop reading; close only what a failed attempt to open the device left
    stop_and_close_unless_ring = 1U << 2U,  ///< stop reading; close the device, unless it is a ring
    finish_input = 1U << 3U,    ///< publish the events that a ring holds now, or the input that was read; no later ones
    reset_backoff = 1U << 4U,   ///< the next retry follows after the shortest delay
    open_device = 1U << 5U,     ///< open the device; the result is the next trigger
    resume_reading = 1U << 6U,  ///< read the open device again, with its notification
    read_rest = 1U << 7U,       ///< read the open device up to the end of its ring, without a notification
    schedule_retry = 1U << 8U,  ///< start the timer of the back-off or of the pause
};

[[nodiscard]] constexpr Action operator|(Action a, Action b) noexcept
{
    return static_cast<Action>(static_cast<std::uint16_t>(a) | static_cast<std::uint16_t>(b));
}
[[nodiscard]] constexpr bool contains_any(Action actions, Action searched) noexcept
{
    return (static_cast<std::uint16_t>(actions) & static_cast<std::uint16_t>(searched)) != 0;
}

/// In state `from`, `trigger` leads to state `to`; the channel then runs `actions`.
struct Transition {
    State from;
    Trigger trigger;
    State to;
    Action actions;
};

/// The transition for `trigger` in `state`. A trigger without meaning in a state has a transition to the same state,
/// without actions.
[[nodiscard]] Transition next(State state, Trigger trigger) noexcept;

/// Whether the channel has nothing left to publish, so that the daemon has to delete it.
[[nodiscard]] bool is_final(State state) noexcept;

/// The value of the D-Bus property State: "online", "retrying", "absent" or "failed".
[[nodiscard]] std::string_view to_string(State state) noexcept;

}  // namespace drvbus::channel

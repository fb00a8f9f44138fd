// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/event_loop.hpp"
#include "base/fd_store.hpp"
#include "base/unique_fd.hpp"
#include "bus/connection.hpp"
#include "bus/objects.hpp"
#include "bus/publisher.hpp"
#include "channel/flood_guard.hpp"
#include "channel/pump.hpp"
#include "channel/retry_backoff.hpp"
#include "channel/state_machine.hpp"
#include "checkpoint/checkpoint.hpp"
#include "device/channel_settings.hpp"
#include "device/device_file.hpp"
#include "notification/notification.hpp"
#include "notification/sigio.hpp"
#include "record/channel_description.hpp"

namespace drvbus::channel {

/// What all channels share. Must outlive them.
struct Services {
    const EventLoop& loop;
    bus::Connection& connection;
    bus::Publisher& publisher;
    notification::SigioDispatcher& sigio;
    const service::InheritedFds& inherited_fds;
    Totals& totals;
};

/// What exists of a channel before it is created: what an earlier process stored, and the position of the channel that
/// was removed under this name.
struct Inherited {
    std::optional<checkpoint::Checkpoint> checkpoint;
    UniqueFd device;
    UniqueFd eventfd;
    checkpoint::InstancePosition previous{};
};

/// One stream of events, from a device to an object on the bus. Connects the state machine, which decides what to do,
/// with what does it: the device file, the notification, the pump and the object on the bus. A failure of the device
/// never leaves the channel; it changes the channel's state.
///
/// All members are called from the event loop's thread.
class Channel final {
public:
    enum class TurnResult : std::uint8_t {
        idle,      ///< no turn is needed before the next `on_ready`
        more,      ///< needs another turn
        bus_busy,  ///< needs another turn when the bus takes messages again
        ended,     ///< nothing is left to publish; delete the channel
    };

    /// Opens the device and puts the object on the bus.
    /// @param settings the configuration of this channel
    /// @param on_ready called when the channel needs a turn, also from within members of the channel, the constructor
    ///        included; must not delete the channel
    Channel(Services services, record::ChannelDescription description, device::ChannelSettings settings,
            Inherited inherited, std::function<void()> on_ready);
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    ~Channel() = default;

    /// Publishes events, up to a share that leaves the other channels their turns.
    /// @throws bus::SendError if the connection broke
    TurnResult turn();

    /// Applies new settings for the same device. No event is lost or published twice.
    void configure(const device::ChannelSettings& settings);

    /// A device of class drvbus was added under the channel's name.
    /// @returns false if the channel does not use it, because it still publishes the events of the present device
    bool device_added(const record::ChannelDescription& description);

    /// The channel's device of class drvbus was removed. Publishes what its ring holds; then a turn returns `ended`.
    void device_removed();

    /// Takes back `device_removed`, which was about an earlier device of the same name. No effect if the channel does
    /// not read a device.
    /// @param description of the present device
    void cancel_removal(const record::ChannelDescription& description);

    /// Whether `device` is the one of the configuration, and the channel has none open.
    [[nodiscard]] bool is_waiting_for(sd_device* device) const;
    /// Opens the device now, unless one is open.
    void device_appeared();

    /// The configuration no longer has this channel. Publishes what has happened up to now; then a turn returns
    /// `ended`.
    void retire();

    /// Removes the channel's files from the service manager's store. Call it when a turn returned `ended`.
    void remove_stored_fds() const;

    /// The connection to the bus broke, or was established again.
    void bus_disconnected();
    void bus_connected();

    [[nodiscard]] const record::ChannelDescription& description() const noexcept { return description_; }
    [[nodiscard]] const std::string& name() const noexcept { return description_.name; }
    /// See Pump::final_position.
    [[nodiscard]] checkpoint::InstancePosition final_position() const noexcept { return pump_.final_position(); }

private:
    /// An event that an action caused; `reason` is the text of the property Reason.
    struct Outcome {
        Event event;
        std::string reason;
    };

    void handle(Event event, std::string reason = {});
    [[nodiscard]] std::optional<Outcome> run_actions(Action actions, Event cause);
    [[nodiscard]] std::optional<Outcome> run_device_action(Action actions);
    [[nodiscard]] std::optional<Outcome> attempt(const std::function<void()>& work) const;
    void report(State before, const Outcome& cause, bool reopened);

    void open_device();
    void stop_reading();
    void close_device();
    void finish_input();
    void schedule_retry(Event cause);
    void start_reading();
    void start_notification();
    void use_device_settings();
    void use_schema();
    [[nodiscard]] TurnResult pump_turn();
    [[nodiscard]] bool is_retired() const noexcept { return state_ == State::retiring || state_ == State::retired; }
    [[nodiscard]] bool is_spuriously_readable() const;

    [[nodiscard]] bus::ChannelProperties properties() const;
    [[nodiscard]] bus::Replay replay(std::uint64_t since);
    void emit_changed();

    Services services_;
    record::ChannelDescription description_;
    device::ChannelSettings settings_;
    std::function<void()> on_ready_;
    std::function<bool()> is_readable_;  ///< made once: the pump calls it for every drained read
    State state_ = State::absent;
    std::string reason_;
    UniqueFd inherited_device_;  ///< for the first attempt to open the device
    RetryBackoff backoff_;
    EventSource retry_timer_;
    FloodGuard flood_guard_;
    device::DeviceFile device_;  // declared before what uses its file descriptors
    Pump pump_;
    std::unique_ptr<notification::Notification> notification_;
    std::unique_ptr<bus::ChannelObject> object_;
};

}  // namespace drvbus::channel

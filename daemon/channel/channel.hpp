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
#include "base/log_limiter.hpp"
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
#include "device/path_watch.hpp"
#include "notification/notification.hpp"
#include "notification/sigio.hpp"
#include "record/channel_description.hpp"

namespace drvbus::channel {

/// The objects that all channels share. They must outlive the channels.
struct Services {
    const EventLoop& loop;
    bus::Connection& connection;
    bus::Publisher& publisher;
    notification::SigioDispatcher& sigio;
    const service::InheritedFds& inherited_fds;
    Totals& totals;
    LogLimiter& log;
    device::DevicesInUse& devices_in_use;
};

/// What a new channel gets from earlier ones: the files that an earlier process stored, and where the previous channel
/// of this name ended.
struct Inherited {
    std::optional<checkpoint::Checkpoint> checkpoint;  ///< none: the channel begins a new one
    UniqueFd device;                                   ///< the open device; invalid: the channel opens it
    device::DevicesInUse::Use use{};                   ///< of `device`; empty: none
    UniqueFd eventfd;                                  ///< registered with the driver of `device`; invalid: none
    checkpoint::InstancePosition previous{};
};

/// One stream of events, from a device to an object on the bus. The state machine decides which actions to run. This
/// class runs them with the device file, the notification, the pump and the object on the bus. A failure of the device
/// changes the state of its channel and affects nothing else.
///
/// All members are called from the event loop's thread.
class Channel final {
public:
    enum class TurnResult : std::uint8_t {
        idle,      ///< no turn is needed before the next `request_turn`
        more,      ///< needs another turn
        bus_busy,  ///< needs another turn when the bus accepts messages again
        ended,     ///< nothing is left to publish; delete the channel
    };

    /// Opens the device and puts the object on the bus.
    /// @param settings the configuration of this channel
    /// @param request_turn called when the channel needs a turn, also from within members of the channel, the
    ///        constructor included; must not delete the channel
    Channel(Services services, record::ChannelDescription description, device::ChannelSettings settings,
            Inherited inherited, std::function<void()> request_turn);
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    ~Channel() = default;

    /// Publishes events, up to the budget of one turn.
    /// @throws bus::SendError if the connection broke
    TurnResult turn();

    /// Returns memory that holds no input to the system. Call it from time to time after turns.
    void release_memory() noexcept;

    /// Applies new settings for the same device. No event is lost or published twice.
    void configure(const device::ChannelSettings& settings);

    /// A device of class drvbus was added under the channel's name.
    /// @returns false if the channel is retired or already reads a device: this one, or an earlier one whose events are
    ///          not published yet; call `confirm_device` later
    bool device_added(const record::ChannelDescription& description);

    /// The channel's device of class drvbus was removed. The next turns publish what its ring holds; the last one
    /// returns `ended`.
    void device_removed();

    /// Call this when a turn returned `idle` after `device_added` returned false: the open device is the one that udev
    /// last added. Takes over its description. If `device_removed` was called, that uevent was about an earlier device,
    /// so the channel is online again. No effect if the channel does not read a device.
    void confirm_device(const record::ChannelDescription& description);

    /// See DeviceFile::waits_for.
    [[nodiscard]] bool is_waiting_for(sd_device* device, device::ArrivalMonitor::Change change) const
    {
        return device_.waits_for(device, change);
    }
    /// Whether the channel has no device because other channels use it.
    [[nodiscard]] bool is_waiting_for_release() const noexcept { return device_.awaits_release(); }
    /// Opens the device now, unless one is open.
    void device_appeared();

    /// The configuration no longer assigns the device to the channel's name. The next turns publish what a ring holds
    /// now, or the input that was read so far; the last one returns `ended`.
    void retire();

    /// Removes the channel's files from the service manager's store. Call it when a turn returned `ended`.
    void remove_stored_fds() const;

    /// The connection to the bus broke.
    void bus_disconnected();
    /// The connection to the bus is established.
    void bus_connected();

    [[nodiscard]] const record::ChannelDescription& description() const noexcept { return description_; }
    [[nodiscard]] const std::string& name() const noexcept { return description_.name; }
    /// See Pump::final_position.
    [[nodiscard]] checkpoint::InstancePosition final_position() const noexcept { return pump_.final_position(); }

private:
    /// What happened to the channel, and why; `reason` is the value for the property Reason.
    struct TriggerWithReason {
        Trigger trigger;
        std::string reason;
    };

    void handle(Trigger trigger, std::string reason = {});
    [[nodiscard]] std::optional<TriggerWithReason> run_actions(Action actions, Trigger cause);
    [[nodiscard]] std::optional<TriggerWithReason> run_device_action(Action actions);
    [[nodiscard]] std::optional<TriggerWithReason> attempt(const std::function<void()>& work) const;
    void report(State before, const TriggerWithReason& cause, bool reopened);

    void open_device();
    void stop_reading();
    void close_device();
    void finish_input();
    void schedule_retry(Trigger cause);
    void start_retry_timer(std::chrono::microseconds delay);
    void watch_awaited_path();
    void start_reading();
    void start_notification();
    void use_device_settings();
    void update_message_context();
    [[nodiscard]] TurnResult pump_turn();
    [[nodiscard]] bool is_retired() const noexcept { return state_ == State::retiring || state_ == State::retired; }
    /// Whether poll() reports the configured device as readable. Always false with another notification and with
    /// `priority_only`.
    [[nodiscard]] bool is_reported_readable() const;

    [[nodiscard]] std::string reason() const;
    [[nodiscard]] bus::ChannelProperties properties() const;
    [[nodiscard]] bus::Replay replay(std::uint64_t since);
    void emit_changed();
    void log_state(LogLimiter::Level level, const std::string& line) const;

    Services services_;
    record::ChannelDescription description_;
    device::ChannelSettings settings_;
    std::function<void()> request_turn_;
    std::function<bool()> is_readable_;  ///< made once, because the pump needs it in every turn
    State state_ = State::absent;
    std::string reason_;
    UniqueFd inherited_device_;  ///< for the first attempt to open the device
    RetryBackoff backoff_;
    EventSource retry_timer_;
    device::PathWatch path_watch_;
    FloodGuard flood_guard_;
    device::DeviceFile device_;  // declared before what uses its file descriptors
    Pump pump_;
    std::unique_ptr<notification::Notification> notification_;
    std::unique_ptr<bus::ChannelObject> object_;
};

}  // namespace drvbus::channel

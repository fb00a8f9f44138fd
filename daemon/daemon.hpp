// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/event_loop.hpp"
#include "base/fd_store.hpp"
#include "base/log_limiter.hpp"
#include "base/service_status.hpp"
#include "bus/connection.hpp"
#include "bus/objects.hpp"
#include "bus/publisher.hpp"
#include "channel/channel.hpp"
#include "checkpoint/removed_channel_positions.hpp"
#include "config/config.hpp"
#include "device/arrival_monitor.hpp"
#include "device/channel_discovery.hpp"
#include "device/devices_in_use.hpp"
#include "notification/sigio.hpp"

namespace drvbus {

/// drvbusd: creates and deletes channels when devices or the configuration change, and schedules the turns of the
/// channels.
///
/// A turn publishes a limited number of events of one channel. Between the rounds of turns, the event loop serves the
/// bus and the devices, so that a busy channel does not delay the others. While the bus accepts no messages, no channel
/// gets a turn.
class Daemon final {
public:
    /// Connects to the bus.
    /// @throws std::exception, whose message says what to do, if the configuration is wrong or the bus cannot be used
    Daemon(bus::BusType bus_type, ConfigPath config_path);
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon() = default;

    /// Creates the channels, requests the name org.drvbus1, and runs until SIGTERM, SIGINT or `stop`.
    /// @returns the exit code of the process
    /// @throws bus::NameError if the name cannot be owned
    int run();
    /// Makes `run` return `exit_code`. Call it from the event loop.
    void stop(int exit_code) const { loop_.stop(exit_code); }

    [[nodiscard]] const EventLoop& loop() const noexcept { return loop_; }
    [[nodiscard]] bus::ManagerProperties properties() const;

    /// Loads the configuration again and applies it: all of it, or nothing. If it is wrong, or what it needs cannot be
    /// created, the previous configuration remains in use. A failure of one channel is the state of that channel.
    /// @throws ConfigError, std::exception
    void reload();

private:
    /// A channel, and what the daemon has to do with it.
    struct ChannelEntry {
        std::unique_ptr<channel::Channel> channel;
        bool queued = false;  ///< `turn_order_` has the channel
        /// A device of class drvbus that was reported as added under this name while the channel was still reading its
        /// current one. Null: none.
        std::unique_ptr<record::ChannelDescription> added_device;
    };
    using ChannelEntries = std::map<std::string, ChannelEntry, std::less<>>;  ///< by name

    void reload_or_log_error();
    void reload_or_throw_method_error();
    void use_config(Config config);
    void apply_config();

    void enumerate_devices();
    void on_device_added(const record::ChannelDescription& description);
    void on_device_removed(const std::string& name);
    void on_device_released();
    [[nodiscard]] std::unique_ptr<device::ArrivalMonitor> make_arrival_monitor();

    void add_channel(const record::ChannelDescription& description, channel::Inherited inherited = {});
    void add_stored_channels();
    void discard_stored_channel(const std::string& name, const std::exception& error, UniqueFd device);
    void add_configured_channel(const std::string& name);
    void retire_channel(ChannelEntries::iterator entry);
    void delete_channel(ChannelEntries::iterator entry);
    void on_channels_changed();
    [[nodiscard]] static bool is_same_device(const record::ChannelDescription& description,
                                             const device::ChannelSettings& settings);

    void release_memory();
    void queue_turn(const std::string& name);
    void run_turns();
    void run_one_round();

    void make_manager_object();
    void on_bus_disconnected();
    void on_bus_connected();

    ConfigPath config_path_;
    Config config_;
    EventLoop loop_;
    LogLimiter log_{loop_};
    service::InheritedFds inherited_fds_;
    bus::Connection connection_;
    bus::Publisher publisher_;
    notification::SigioDispatcher sigio_;
    std::unique_ptr<bus::ManagerObject> manager_;
    device::ChannelDiscovery discovery_;
    std::unique_ptr<device::ArrivalMonitor> arrival_monitor_;  ///< null if there are no configured devices
    channel::Totals totals_;
    DeferredCall turns_, enumeration_, device_released_;
    device::DevicesInUse devices_in_use_;
    EventSource memory_timer_;
    bool memory_timer_runs_ = false;
    EventSource stop_on_term_, stop_on_int_, reload_on_hup_;
    service::StatusReporter status_;
    ChannelEntries channels_;
    std::set<std::string> enumerated_;  ///< names of the channels found since the last enumeration began
    /// By channel name: the open devices that an earlier process stored, whose checkpoint is missing or damaged.
    std::map<std::string, UniqueFd> devices_without_checkpoint_;
    checkpoint::RemovedChannelPositions removed_positions_;
    std::deque<std::string> turn_order_;  ///< names of the channels that wait for a turn
};

/// Sets the level of the log.
/// @param level a value of Config::log_level
void set_log_level(std::string_view level);

}  // namespace drvbus

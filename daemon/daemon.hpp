// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/event_loop.hpp"
#include "base/fd_store.hpp"
#include "base/service_status.hpp"
#include "bus/connection.hpp"
#include "bus/objects.hpp"
#include "bus/publisher.hpp"
#include "channel/channel.hpp"
#include "checkpoint/removed_channel_positions.hpp"
#include "config/config.hpp"
#include "device/arrival_monitor.hpp"
#include "device/channel_discovery.hpp"
#include "notification/sigio.hpp"

namespace drvbus {

/// drvbusd: creates and deletes channels as devices and the configuration change, and gives each channel its turns.
///
/// A turn publishes a limited share of one channel's events. Between the turns, the event loop serves the bus and the
/// devices, so that one busy channel delays nobody. While the bus takes no messages, no channel gets a turn.
class Daemon final {
public:
    /// Connects to the bus and requests the name org.drvbus1.
    /// @throws std::exception, with advice, if the configuration is wrong or the bus cannot be used
    Daemon(bus::BusType bus_type, ConfigPath config_path);
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon() = default;

    /// Runs until SIGTERM, SIGINT or `stop`. @returns the exit code of the process
    int run();
    /// Makes `run` return `exit_code`. Call it from the event loop.
    void stop(int exit_code) const { loop_.stop(exit_code); }

    [[nodiscard]] const EventLoop& loop() const noexcept { return loop_; }
    [[nodiscard]] bus::ManagerProperties properties() const;

    /// Loads the configuration again and applies it. On an error, the present configuration stays in force.
    /// @throws ConfigError, std::exception
    void reload();

private:
    struct Slot {
        std::unique_ptr<channel::Channel> channel;
        bool queued = false;  ///< waits for a turn
        /// A device that was added under this name while the channel still published the events of its present one.
        std::unique_ptr<record::ChannelDescription> successor;
    };
    using Slots = std::map<std::string, Slot, std::less<>>;

    void reload_or_log_error();
    void reload_or_answer_error();
    void apply_config();

    void enumerate_devices();
    void on_device_added(const record::ChannelDescription& description);
    void on_device_removed(const std::string& name);
    void watch_for_configured_devices();

    void add_channel(const record::ChannelDescription& description, channel::Inherited inherited = {});
    void add_stored_channels();
    void add_configured_channel(const std::string& name);
    void retire_channel(Slots::iterator slot);
    void delete_channel(Slots::iterator slot);
    void on_channels_changed();
    [[nodiscard]] static bool is_same_device(const record::ChannelDescription& description,
                                             const device::ChannelSettings& settings);

    void queue_turn(const std::string& name);
    void run_turns();
    void give_turns();

    void make_manager_object();
    void on_bus_disconnected();
    void on_bus_connected();

    ConfigPath config_path_;
    Config config_;
    EventLoop loop_;
    service::InheritedFds inherited_fds_;
    bus::Connection connection_;
    bus::Publisher publisher_;
    notification::SigioDispatcher sigio_;
    std::unique_ptr<bus::ManagerObject> manager_;
    device::ChannelDiscovery discovery_;
    std::unique_ptr<device::ArrivalMonitor> arrival_monitor_;  ///< only while the configuration has devices
    channel::Totals totals_;
    DeferredCall turns_, enumeration_;
    EventSource stop_on_term_, stop_on_int_, reload_on_hup_;
    service::StatusReporter status_;
    Slots channels_;
    std::set<std::string> enumerated_;  ///< names that the running enumeration has found
    /// Devices that an earlier process stored, whose checkpoint is missing or damaged.
    std::map<std::string, UniqueFd> devices_without_checkpoint_;
    checkpoint::RemovedChannelPositions removed_positions_;
    std::deque<std::string> turn_order_;
};

/// Sets the level of the log. @param level one of those of Config::log_level
void set_log_level(std::string_view level);

}  // namespace drvbus

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/event_loop.hpp"
#include "base/fd_store.hpp"
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

/// drvbusd: the channels that are there, each served in its turn.
class Daemon final : public bus::ManagerModel {
public:
    /// Takes the name on the bus.
    /// @throws std::exception with what to do, where the configuration or the bus is not right
    Daemon(bus::Which which, ConfigPath config_path);

    /// Serves until SIGTERM or SIGINT. @returns the exit code
    int run();

    [[nodiscard]] std::uint32_t channels() const override { return static_cast<std::uint32_t>(channels_.size()); }
    [[nodiscard]] std::uint64_t events_published() const override { return total_.published; }
    [[nodiscard]] std::uint64_t events_lost() const override { return total_.lost; }
    void reload() override;

private:
    /// A channel and where it stands in the order of turns.
    struct Slot {
        std::unique_ptr<Channel> channel;
        bool queued = false;
        std::unique_ptr<device::Description> successor;  ///< came under the same name meanwhile
    };
    using Slots = std::map<std::string, Slot, std::less<>>;

    void reload_logging_errors();
    void apply();
    void enumerate();
    void device_added(const device::Description& description);
    void device_removed(const std::string& name);
    void add(const device::Description& description, Kept kept = {});
    void add_kept();
    void add_configured(const std::string& name);
    void watch_devices();
    [[nodiscard]] static bool same_device(const device::Description& description, const ChannelConfig& config);
    void queue(const std::string& name);
    void work();
    void take_turns();
    void channels_changed();
    void retire(Slots::iterator slot);
    void leave(Slots::iterator slot);
    void bus_lost();
    void bus_back();

    ConfigPath config_path_;
    Config config_;
    Loop loop_;
    service::InheritedFds inherited_fds_;
    bus::Connection connection_;
    bus::Publisher publisher_;
    notification::SigioDispatcher sigio_;
    std::unique_ptr<bus::ManagerObject> manager_;
    device::Discovery discovery_;
    std::unique_ptr<device::Watch> watch_;  ///< for configured devices
    Counters total_;
    Deferred work_, enumerate_;
    Source stop_on_term_, stop_on_int_, reload_on_hup_;
    service::Status status_;
    Slots channels_;
    std::set<std::string> enumerated_;              // an enumeration's own
    std::map<std::string, UniqueFd> left_without_;  ///< devices that an earlier process had open, without a ledger
    Endings left_;
    std::deque<std::string> order_;
};

/// Sets the level of the log; one of Config::log_level's.
void set_log_level(std::string_view level);

}  // namespace drvbus

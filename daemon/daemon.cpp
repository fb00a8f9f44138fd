// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <malloc.h>
#include <spdlog/spdlog.h>

#include "bus/method_error.hpp"
#include "device/open.hpp"

namespace drvbus {

namespace {

// A channel with many events needs its memory again at once, so the memory is not released after each turn.
constexpr std::chrono::seconds kReleaseMemoryAfter{1};

}  // namespace

void set_log_level(std::string_view level)
{
    spdlog::set_level(spdlog::level::from_str(level == "warning" ? "warn" : std::string(level)));
}

Daemon::Daemon(bus::BusType bus_type, ConfigPath config_path)
    : config_path_(std::move(config_path)), config_(load_config(config_path_)),
      connection_(loop_, bus_type, inherited_fds_.has_stored() ? bus::Start::continued : bus::Start::fresh,
                  {.flushed = [this] { turns_.request(); },
                   .disconnected = [this] { on_bus_disconnected(); },
                   .connected = [this] { on_bus_connected(); }}),
      publisher_(connection_), sigio_(loop_),
      discovery_(
          loop_, [this](const record::ChannelDescription& description) { on_device_added(description); },
          [this](const std::string& name) { on_device_removed(name); }, [this] { enumeration_.request(); }, log_),
      turns_(loop_.deferred(EventLoop::Priority::normal, [this] { run_turns(); })),
      enumeration_(loop_.deferred(EventLoop::Priority::normal, [this] { enumerate_devices(); })),
      device_released_(loop_.deferred(EventLoop::Priority::normal, [this] { on_device_released(); })),
      devices_in_use_([this] { device_released_.request(); }),
      memory_timer_(loop_.timer(EventLoop::Priority::normal, [this] { release_memory(); })),
      stop_on_term_(loop_.signal(SIGTERM, [this] { stop(EXIT_SUCCESS); })),
      stop_on_int_(loop_.signal(SIGINT, [this] { stop(EXIT_SUCCESS); })),
      reload_on_hup_(loop_.signal(SIGHUP, [this] { reload_or_log_error(); })), status_(loop_, [this] {
          return fmt::format("{} channels, {} events published, {} events lost", channels_.size(), totals_.published,
                             totals_.lost);
      })
{
    use_config(std::move(config_));
    if (connection_.is_connected())
        make_manager_object();
}

int Daemon::run()
{
    loop_.use_watchdog();
    // The stored channels come first, because their events must be published even if the configuration now gives their
    // names to other devices.
    add_stored_channels();
    for (const auto& [name, channel] : config_.channels)
        add_configured_channel(name);
    enumerate_devices();
    // No channel took these devices over.
    for (const auto& [name, fd] : std::exchange(devices_without_checkpoint_, {}))
        service::remove_fd(service::StoredFdKind::device, name);
    connection_.request_name();
    service::notify_ready();
    status_.changed();
    const int result = loop_.run();
    service::notify_stopping();
    return result;
}

bus::ManagerProperties Daemon::properties() const
{
    return {.channels = static_cast<std::uint32_t>(channels_.size()),
            .events_published = totals_.published,
            .events_lost = totals_.lost};
}

void Daemon::reload_or_log_error()
{
    try {
        reload();
    } catch (const std::exception& error) {
        log_.write(
            "failed reloads", spdlog::level::err,
            fmt::format("the configuration was not reloaded, the previous one remains in use: {}", error.what()));
    }
}

void Daemon::reload_or_throw_method_error()
{
    try {
        reload();
    } catch (const ConfigError& error) {
        throw bus::MethodError("org.drvbus1.Error.InvalidConfiguration", error.what());
    }
}

void Daemon::reload()
{
    service::notify_reloading();
    try {
        use_config(load_config(config_path_));
        apply_config();
    } catch (...) {
        service::notify_ready();
        throw;
    }
    log_.write("reloads", spdlog::level::info, "the configuration was reloaded");
    service::notify_ready();
}

/// Makes `config` the running configuration. What it needs is created first: an exception has no effect.
void Daemon::use_config(Config config)
{
    const bool has_devices =
        std::ranges::any_of(config.channels, [](const auto& entry) { return entry.second.device != nullptr; });
    if (has_devices && !arrival_monitor_)
        arrival_monitor_ = make_arrival_monitor();
    else if (!has_devices)
        arrival_monitor_.reset();
    config_ = std::move(config);
    set_log_level(config_.log_level);
}

/// Applies the running configuration to the channels.
void Daemon::apply_config()
{
    for (auto next = channels_.begin(); next != channels_.end();) {
        const auto entry = next++;
        const device::ChannelSettings settings = config_.channel(entry->first);
        if (is_same_device(entry->second.channel->description(), settings))
            entry->second.channel->configure(settings);
        else
            retire_channel(entry);
    }
    for (const auto& [name, channel] : config_.channels)
        add_configured_channel(name);
    enumerate_devices();
    status_.changed();
}

/// Finds devices of class drvbus that were added or removed without the daemon receiving the uevents.
void Daemon::enumerate_devices()
{
    enumerated_.clear();
    discovery_.enumerate();
    for (const auto& [name, entry] : channels_) {
        // An enumeration can miss devices without an error. A device is removed only if its node does not exist either.
        const record::ChannelDescription& description = entry.channel->description();
        if (description.is_drvbus_class && !enumerated_.contains(name) && !device::node_exists(description.node))
            entry.channel->device_removed();
    }
}

/// Ends a channel whose device the configuration no longer assigns to its name. Deletes it at once, unless remaining
/// events have to be published in later turns.
void Daemon::retire_channel(ChannelEntries::iterator entry)
{
    entry->second.channel->retire();
    try {
        if (entry->second.channel->turn() == channel::Channel::TurnResult::ended)
            delete_channel(entry);
    } catch (const bus::SendError&) {
        connection_.report_broken();
    }
}

bool Daemon::is_same_device(const record::ChannelDescription& description, const device::ChannelSettings& settings)
{
    if (description.is_drvbus_class)
        return !settings.device;
    return settings.device && description.settings_hash == settings.device->hash;
}

void Daemon::add_stored_channels()
{
    struct StoredChannel {
        record::ChannelDescription description;
        channel::Inherited inherited;
    };
    std::vector<StoredChannel> channels;
    for (auto& [name, files] : inherited_fds_.take_stored()) {
        try {
            channel::Inherited inherited{checkpoint::Checkpoint::adopt(std::move(files.checkpoint)),
                                         std::move(files.device),
                                         {},
                                         std::move(files.eventfd)};
            const record::ChannelDescription description = inherited.checkpoint->description();
            const device::ChannelSettings settings = config_.channel(name);
            if (inherited.device && !description.is_drvbus_class)
                inherited.use = device::take_stored_device(devices_in_use_, name, inherited.device.get(),
                                                           inherited.checkpoint->setup(),
                                                           settings.device && settings.device->shared);
            channels.push_back({description, std::move(inherited)});
        } catch (const std::exception& error) {
            discard_stored_channel(name, error, std::move(files.device));
        }
    }
    // No channel looks for a device before each channel that has one has taken it.
    for (auto& [description, inherited] : channels) {
        try {
            add_channel(description, std::move(inherited));
            if (!is_same_device(description, config_.channel(description.name)))
                retire_channel(channels_.find(description.name));
        } catch (const std::exception& error) {
            discard_stored_channel(description.name, error, {});
        }
    }
}

void Daemon::discard_stored_channel(const std::string& name, const std::exception& error, UniqueFd device)
{
    spdlog::warn("channel {}: the checkpoint of the previous process cannot be used: {}; the counters of the channel "
                 "begin at 0",
                 name, error.what());
    service::remove_fd(service::StoredFdKind::checkpoint, name);
    service::remove_fd(service::StoredFdKind::eventfd, name);
    // Without a checkpoint, the open file of a ring still has its position.
    if (device)
        devices_without_checkpoint_.insert_or_assign(name, std::move(device));
    else
        service::remove_fd(service::StoredFdKind::device, name);
}

void Daemon::add_configured_channel(const std::string& name)
{
    const device::ChannelSettings settings = config_.channel(name);
    if (!settings.device || channels_.contains(name))
        return;
    record::ChannelDescription description;
    description.name = name;
    description.node = settings.device->path_or_match();
    description.framing = settings.device->framing;
    description.settings_hash = settings.device->hash;
    add_channel(description);
}

/// The monitor that tells channels when their absent configured device appears.
std::unique_ptr<device::ArrivalMonitor> Daemon::make_arrival_monitor()
{
    return std::make_unique<device::ArrivalMonitor>(
        loop_,
        [this](sd_device* device, device::ArrivalMonitor::Change change) {
            for (const auto& [name, entry] : channels_) {
                if (entry.channel->is_waiting_for(device, change))
                    entry.channel->device_appeared();
            }
        },
        log_);
}

void Daemon::on_device_added(const record::ChannelDescription& description)
{
    enumerated_.insert(description.name);
    const auto existing = channels_.find(description.name);
    if (config_.channel(description.name).device)
        log_.write(fmt::format("channel {}: devices that are not published", description.name), spdlog::level::warn,
                   fmt::format("channel {}: the configuration gives this name to another device; the events of {} are "
                               "not published",
                               description.name, description.node));
    else if (existing == channels_.end())
        add_channel(description);
    // The channel already reads this device, or it still publishes the events of a removed device. Its next turns show
    // which: if the device was removed, the last one returns `ended`, and delete_channel() then adds the new device. If
    // one returns `idle`, the channel already reads the new device.
    else if (!existing->second.channel->device_added(description)) {
        existing->second.added_device = std::make_unique<record::ChannelDescription>(description);
        queue_turn(description.name);
    }
}

void Daemon::on_device_removed(const std::string& name)
{
    const auto existing = channels_.find(name);
    if (existing == channels_.end() || !existing->second.channel->description().is_drvbus_class)
        return;
    existing->second.added_device.reset();
    existing->second.channel->device_removed();
}

/// A device that a channel no longer uses may be the one that another channel waits for.
void Daemon::on_device_released()
{
    for (const auto& [name, entry] : channels_) {
        if (entry.channel->is_waiting_for_release())
            entry.channel->device_appeared();
    }
}

void Daemon::add_channel(const record::ChannelDescription& description, channel::Inherited inherited)
{
    const std::string& name = description.name;
    if (const auto stored = devices_without_checkpoint_.extract(name); stored && description.is_drvbus_class)
        inherited.device = std::move(stored.mapped());
    else if (stored)
        service::remove_fd(service::StoredFdKind::device, name);
    inherited.previous = removed_positions_.take(name);
    const channel::Services services{loop_,          connection_, publisher_, sigio_,
                                     inherited_fds_, totals_,     log_,       devices_in_use_};
    auto created = std::make_unique<channel::Channel>(services, description, config_.channel(name),
                                                      std::move(inherited), [this, name] { queue_turn(name); });
    channels_[name].channel = std::move(created);  // only now: there is no entry without a channel
    queue_turn(name);
    on_channels_changed();
}

void Daemon::on_channels_changed()
{
    if (manager_)
        manager_->emit_channels_changed();
    status_.changed();
}

void Daemon::queue_turn(const std::string& name)
{
    const auto found = channels_.find(name);
    if (found == channels_.end() || found->second.queued)
        return;
    found->second.queued = true;
    turn_order_.push_back(name);
    turns_.request();
}

void Daemon::run_turns()
{
    if (!std::exchange(memory_timer_runs_, true))
        EventLoop::start(memory_timer_, kReleaseMemoryAfter);
    try {
        run_one_round();
    } catch (const bus::SendError&) {
        connection_.report_broken();  // the channel is still queued
    }
    if (!turn_order_.empty() && connection_.is_flushed())
        turns_.request();
}

/// Returns memory that the turns since the last call needed, and that holds no input. Also returns what reading the
/// configuration needed: the C library keeps such memory if newer memory is in use behind it.
void Daemon::release_memory()
{
    memory_timer_runs_ = false;
    for (const auto& [name, entry] : channels_)
        entry.channel->release_memory();
    malloc_trim(0);
}

/// Gives one turn to each channel that is queued now. After that, the event loop serves the bus and the devices.
void Daemon::run_one_round()
{
    for (std::size_t turns = turn_order_.size(); turns > 0; --turns) {
        const std::string name = turn_order_.front();
        const auto entry = channels_.find(name);
        // A channel goes to the end of the queue even if the bus stopped its turn early. Otherwise, the first channel
        // would get all turns while the bus is always busy.
        turn_order_.pop_front();
        if (entry == channels_.end())
            continue;
        turn_order_.push_back(name);
        const channel::Channel::TurnResult result = entry->second.channel->turn();
        status_.changed();
        if (result == channel::Channel::TurnResult::bus_busy)
            return;  // the connection's callback `flushed` requests the remaining turns
        if (result == channel::Channel::TurnResult::more)
            continue;
        turn_order_.pop_back();
        entry->second.queued = false;
        if (result == channel::Channel::TurnResult::ended)
            delete_channel(entry);
        else if (const auto added_device = std::exchange(entry->second.added_device, nullptr))
            entry->second.channel->confirm_device(*added_device);
    }
}

void Daemon::delete_channel(ChannelEntries::iterator entry)
{
    const std::string name = entry->first;
    const std::unique_ptr<record::ChannelDescription> added_device = std::move(entry->second.added_device);
    log_.write(fmt::format("channel {}: deletions", name), spdlog::level::info,
               fmt::format("channel {}: deleted", name));
    entry->second.channel->remove_stored_fds();
    removed_positions_.put(name, entry->second.channel->final_position());
    channels_.erase(entry);
    if (added_device)
        on_device_added(*added_device);
    else
        add_configured_channel(name);
    on_channels_changed();
}

void Daemon::make_manager_object()
{
    manager_ = std::make_unique<bus::ManagerObject>(
        connection_, bus::ManagerObject::Callbacks{.properties = [this] { return properties(); },
                                                   .reload = [this] { reload_or_throw_method_error(); }});
}

void Daemon::on_bus_disconnected()
{
    manager_.reset();
    for (const auto& [name, entry] : channels_)
        entry.channel->bus_disconnected();
}

void Daemon::on_bus_connected()
{
    make_manager_object();
    for (const auto& [name, entry] : channels_)
        entry.channel->bus_connected();
    enumerate_devices();  // the kernel may have dropped uevents while the daemon waited for the bus
}

}  // namespace drvbus

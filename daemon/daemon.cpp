// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace drvbus {

void set_log_level(std::string_view level)
{
    spdlog::set_level(spdlog::level::from_str(level == "warning" ? "warn" : std::string(level)));
}

Daemon::Daemon(bus::Which which, ConfigPath config_path)
    : config_path_(std::move(config_path)), config_(load_config(config_path_)),
      connection_(
          loop_, which,
          {.writable = [this] { work_.request(); }, .lost = [this] { bus_lost(); }, .back = [this] { bus_back(); }}),
      publisher_(connection_), sigio_(loop_), manager_(std::make_unique<bus::ManagerObject>(connection_, *this)),
      discovery_(
          loop_, [this](const device::Description& description) { device_added(description); },
          [this](const std::string& name) { device_removed(name); }, [this] { enumerate_.request(); }),
      work_(loop_.deferred(Loop::Priority::normal, [this] { work(); })),
      enumerate_(loop_.deferred(Loop::Priority::normal, [this] { enumerate(); })),
      stop_on_term_(loop_.signal(SIGTERM, [this] { loop_.stop(EXIT_SUCCESS); })),
      stop_on_int_(loop_.signal(SIGINT, [this] { loop_.stop(EXIT_SUCCESS); })),
      reload_on_hup_(loop_.signal(SIGHUP, [this] { reload_logging_errors(); })), status_(loop_, [this] {
          return fmt::format("{} channels, {} events published, {} events lost", channels(), total_.published,
                             total_.lost);
      })
{
    set_log_level(config_.log_level);
}

int Daemon::run()
{
    loop_.use_watchdog();
    add_kept();
    for (const auto& [name, channel] : config_.channels)
        add_configured(name);
    watch_devices();
    enumerate();
    for (const auto& [name, fd] : std::exchange(left_without_, {}))
        service::drop(service::Part::device, name);
    service::notify_ready();
    status_.touch();
    const int result = loop_.run();
    service::notify_stopping();
    return result;
}

void Daemon::reload_logging_errors()
{
    try {
        reload();
    } catch (const std::exception& error) {
        spdlog::error("the configuration was not reloaded, the old one stays: {}", error.what());
    }
}

void Daemon::reload()
{
    service::notify_reloading();
    try {
        config_ = load_config(config_path_);
        apply();
    } catch (...) {
        service::notify_ready();
        throw;
    }
    spdlog::info("the configuration has been reloaded");
    service::notify_ready();
}

void Daemon::apply()
{
    set_log_level(config_.log_level);
    for (auto next = channels_.begin(); next != channels_.end();) {
        const auto slot = next++;
        const ChannelConfig wanted = config_.channel(slot->first);
        if (same_device(slot->second.channel->description(), wanted))
            slot->second.channel->configure(wanted);
        else
            retire(slot);
    }
    for (const auto& [name, channel] : config_.channels)
        add_configured(name);
    watch_devices();
    enumerate();
    status_.touch();
}

/// What is there; and what is not there any more, since nobody tells of that if it went while nobody listened.
void Daemon::enumerate()
{
    enumerated_.clear();
    discovery_.enumerate();
    for (const auto& [name, slot] : channels_) {
        // An enumeration may fail without a word.
        const device::Description& description = slot.channel->description();
        if (description.drvbus_class && !enumerated_.contains(name) && !device::is_there(description.node))
            slot.channel->device_removed();
    }
}

/// The channel's place is free at once, unless the bus does not take what is left of it.
void Daemon::retire(Slots::iterator slot)
{
    slot->second.channel->retire();
    try {
        if (slot->second.channel->turn() == Channel::Turn::ended)
            leave(slot);
    } catch (const bus::SendError&) {
        connection_.broken();
    }
}

bool Daemon::same_device(const device::Description& description, const ChannelConfig& config)
{
    return description.drvbus_class ? !config.device : config.device && description.settings == config.device->hash;
}

/// What an earlier process had open, first: the name may mean another device by now.
void Daemon::add_kept()
{
    for (auto& [name, files] : inherited_fds_.take_kept()) {
        try {
            Kept kept{device::Ledger::adopt(std::move(files.ledger)), std::move(files.device),
                      std::move(files.eventfd)};
            const device::Description description = kept.ledger->description();
            add(description, std::move(kept));
            if (!same_device(description, config_.channel(name)))
                retire(channels_.find(name));
        } catch (const std::exception& error) {
            spdlog::warn("channel {}: what was kept of it over the restart is of no use: {}; its sums begin anew", name,
                         error.what());
            service::drop(service::Part::ledger, name);
            service::drop(service::Part::eventfd, name);
            // A ring knows by itself how far it was read.
            if (files.device)
                left_without_.insert_or_assign(name, std::move(files.device));
            else
                service::drop(service::Part::device, name);
        }
    }
}

void Daemon::add_configured(const std::string& name)
{
    const ChannelConfig config = config_.channel(name);
    if (!config.device || channels_.contains(name))
        return;
    device::Description description;
    description.name = name;
    description.node = config.device->device();
    description.framing = config.device->framing;
    description.settings = config.device->hash;
    add(description);
}

/// Who waits for a device of the configuration's is told when it has come. Nobody listens where there is none.
void Daemon::watch_devices()
{
    if (std::ranges::none_of(config_.channels, [](const auto& entry) { return entry.second.device.has_value(); })) {
        watch_.reset();
        return;
    }
    if (watch_)
        return;
    watch_ = std::make_unique<device::Watch>(loop_, [this](sd_device* device) {
        for (const auto& [name, slot] : channels_) {
            if (slot.channel->waits_for(device))
                slot.channel->look_again();
        }
    });
}

void Daemon::device_added(const device::Description& description)
{
    enumerated_.insert(description.name);
    const auto present = channels_.find(description.name);
    if (config_.channel(description.name).device)
        spdlog::warn("channel {}: the configuration gives this name to another device; {} stays off the bus",
                     description.name, description.node);
    else if (present == channels_.end())
        add(description);
    // One that is open is either the same one, told twice, or one that is about to end.
    else if (!present->second.channel->device_added(description)) {
        present->second.successor = std::make_unique<device::Description>(description);
        queue(description.name);
    }
}

void Daemon::device_removed(const std::string& name)
{
    const auto present = channels_.find(name);
    if (present == channels_.end() || !present->second.channel->description().drvbus_class)
        return;
    present->second.successor.reset();
    present->second.channel->device_removed();
}

void Daemon::add(const device::Description& description, Kept kept)
{
    const std::string& name = description.name;
    if (const auto left = left_without_.extract(name); left && description.drvbus_class)
        kept.device = std::move(left.mapped());
    else if (left)
        service::drop(service::Part::device, name);
    kept.previous = left_.take(name);
    const Services services{loop_, connection_, publisher_, sigio_, inherited_fds_};
    channels_[name].channel = std::make_unique<Channel>(
        services, description, config_.channel(name), std::move(kept), [this, name] { queue(name); }, total_);
    queue(name);
    channels_changed();
}

void Daemon::channels_changed()
{
    if (manager_)
        manager_->channels_changed();
    status_.touch();
}

void Daemon::queue(const std::string& name)
{
    const auto found = channels_.find(name);
    if (found == channels_.end() || found->second.queued)
        return;
    found->second.queued = true;
    order_.push_back(name);
    work_.request();
}

void Daemon::work()
{
    try {
        take_turns();
    } catch (const bus::SendError&) {
        connection_.broken();  // not the channel's fault, and it has its turn again
    }
    if (!order_.empty() && connection_.writable())
        work_.request();
}

/// One turn for each that stands in the queue now; then the loop looks after the bus and the devices.
void Daemon::take_turns()
{
    for (std::size_t turns = order_.size(); turns > 0; --turns) {
        const std::string name = order_.front();
        const auto slot = channels_.find(name);
        // Who has had a turn goes to the back, also if it was cut short: on a bus that is always full the first
        // would be the only one.
        order_.pop_front();
        if (slot == channels_.end())
            continue;
        order_.push_back(name);
        const Channel::Turn turn = slot->second.channel->turn();
        status_.touch();
        if (turn == Channel::Turn::wait)
            return;  // the bus calls back
        if (turn == Channel::Turn::more)
            continue;
        order_.pop_back();
        slot->second.queued = false;
        if (turn == Channel::Turn::ended)
            leave(slot);
        else if (const auto told_twice = std::exchange(slot->second.successor, nullptr))
            slot->second.channel->stays(*told_twice);
    }
}

void Daemon::leave(Slots::iterator slot)
{
    const std::string name = slot->first;
    const std::unique_ptr<device::Description> successor = std::move(slot->second.successor);
    spdlog::info("channel {}: gone", name);
    slot->second.channel->forget();
    left_.put(name, slot->second.channel->ending());
    channels_.erase(slot);
    if (successor)
        device_added(*successor);
    else
        add_configured(name);
    channels_changed();
}

void Daemon::bus_lost()
{
    manager_.reset();
    for (const auto& [name, slot] : channels_)
        slot.channel->bus_lost();
}

void Daemon::bus_back()
{
    manager_ = std::make_unique<bus::ManagerObject>(connection_, *this);
    for (const auto& [name, slot] : channels_)
        slot.channel->bus_back();
    enumerate();      // news of devices may have been dropped meanwhile
    work_.request();  // those that waited for the old one are in the queue already
}

}  // namespace drvbus

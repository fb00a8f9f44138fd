// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon.hpp"

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
    : config_path_(std::move(config_path)), config_(load_config(config_path_)), connection_(loop_, which),
      publisher_(connection_.handle()), sigio_(loop_), manager_(connection_, *this),
      discovery_(
          loop_, [this](const device::Description& description) { device_added(description); },
          [this](const std::string& name) { device_removed(name); }),
      work_(loop_.deferred(Loop::Priority::normal, [this] { work(); })),
      stop_on_term_(loop_.signal(SIGTERM, [this] { loop_.stop(EXIT_SUCCESS); })),
      stop_on_int_(loop_.signal(SIGINT, [this] { loop_.stop(EXIT_SUCCESS); })),
      reload_on_hup_(loop_.signal(SIGHUP, [this] { reload_logging_errors(); })), status_(loop_, [this] {
          return fmt::format("{} channels, {} events published, {} events lost", channels(), total_.published,
                             total_.lost);
      })
{
    set_log_level(config_.log_level);
    connection_.on_writable([this] {
        if (!order_.empty())
            work_.enable_once();
    });
    // Before any device is opened: a second daemon ends here and has touched nothing.
    connection_.request_name();
}

int Daemon::run()
{
    loop_.use_watchdog();
    discovery_.enumerate();
    for (const auto& [name, channel] : config_.channels)
        add_configured(name);
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
    } catch (const ConfigError& error) {
        spdlog::error("the configuration was not reloaded, the old one stays: {}", error.what());
    }
}

void Daemon::reload()
{
    service::notify_reloading();
    try {
        config_ = load_config(config_path_);
    } catch (const ConfigError&) {
        service::notify_ready();
        throw;
    }
    apply();
    spdlog::info("the configuration has been reloaded");
    service::notify_ready();
}

void Daemon::apply()
{
    set_log_level(config_.log_level);
    for (auto next = channels_.begin(); next != channels_.end();) {
        const auto slot = next++;
        Channel& channel = *slot->second.channel;
        const ChannelConfig wanted = config_.channel(slot->first);
        if (channel.failed() || !wanted.same_device(channel.config())) {
            channels_.erase(slot);  // comes back below, where it is still wanted
        } else {
            channel.configure(wanted);
            queue(slot->first);
        }
    }
    for (const auto& [name, channel] : config_.channels)
        add_configured(name);
    discovery_.enumerate();
    manager_.channels_changed();
    status_.touch();
}

void Daemon::add_configured(const std::string& name)
{
    const ChannelConfig config = config_.channel(name);
    if (config.device.empty() || channels_.contains(name))
        return;
    device::Description description;
    description.name = name;
    description.node = config.device;
    add(description);
}

void Daemon::device_added(const device::Description& description)
{
    const auto present = channels_.find(description.name);
    if (present == channels_.end()) {
        if (config_.channel(description.name).device.empty())
            add(description);
        else
            spdlog::warn("channel {}: the configuration gives this name to another device; {} stays off the bus",
                         description.name, description.node);
        return;
    }
    // Either the same one, told twice, or the next one under this name: then the first is about to end.
    present->second.successor = std::make_unique<device::Description>(description);
    queue(description.name);
}

void Daemon::device_removed(const std::string& name)
{
    const auto present = channels_.find(name);
    if (present == channels_.end() || !present->second.channel->config().device.empty())
        return;
    present->second.leaving = true;
    present->second.successor.reset();
    queue(name);
}

void Daemon::add(const device::Description& description)
{
    const std::string& name = description.name;
    const ChannelConfig config = config_.channel(name);
    UniqueFd inherited;
    if (config.device.starts_with("fd:"))
        inherited = inherited_fds_.take(config.device.substr(3));
    const Services services{loop_, connection_, publisher_, sigio_};
    auto channel = std::make_unique<Channel>(
        services, description, config, std::move(inherited), [this, name] { queue(name); }, total_);
    channels_[name].channel = std::move(channel);
    queue(name);
    manager_.channels_changed();
    status_.touch();
}

void Daemon::queue(const std::string& name)
{
    const auto found = channels_.find(name);
    if (found == channels_.end() || found->second.queued)
        return;
    found->second.queued = true;
    order_.push_back(name);
    work_.enable_once();
}

void Daemon::work()
{
    // One turn for each that stands in the queue now; then the loop looks after the bus and the devices.
    for (std::size_t turns = order_.size(); turns > 0 && connection_.writable(); --turns) {
        const auto slot = channels_.find(order_.front());
        if (slot == channels_.end()) {
            order_.pop_front();
            continue;
        }
        switch (slot->second.channel->turn()) {
        case Channel::Turn::wait:
            // The bus calls back. Who has had a turn goes to the back all the same: on a bus that is always full
            // the first would be the only one.
            order_.push_back(std::move(order_.front()));
            order_.pop_front();
            return;
        case Channel::Turn::more:
            order_.push_back(std::move(order_.front()));
            order_.pop_front();
            break;
        case Channel::Turn::idle:
            slot->second.queued = false;
            slot->second.successor.reset();  // this one lives, so it was told twice
            order_.pop_front();
            break;
        case Channel::Turn::ended:
            slot->second.queued = false;
            order_.pop_front();
            leave(slot);
            break;
        }
        status_.touch();
    }
    if (!order_.empty() && connection_.writable())
        work_.enable_once();
}

void Daemon::leave(Slots::iterator slot)
{
    if (slot->second.channel->failed() && !slot->second.leaving && !slot->second.successor)
        return;  // stays on the bus and says why
    const std::unique_ptr<device::Description> successor = std::move(slot->second.successor);
    spdlog::info("channel {}: gone", slot->first);
    channels_.erase(slot);
    manager_.channels_changed();
    if (successor)
        device_added(*successor);
}

}  // namespace drvbus

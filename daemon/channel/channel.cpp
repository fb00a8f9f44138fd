// SPDX-License-Identifier: LGPL-2.1-or-later
#include "channel/channel.hpp"

#include <cerrno>
#include <exception>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "device/open.hpp"
#include "reader/make_reader.hpp"

namespace drvbus::channel {

namespace {

using namespace std::chrono_literals;

constexpr const char* kNotStored =
    "the events since the daemon was started are not safe if it is killed, because the service manager has no space "
    "for the files of the channel: raise FileDescriptorStoreMax= of drvbusd.service, and DRVBUS_FD_STORE_MAX= in its "
    "Environment=, to three for each channel";
constexpr const char* kRemoved =
    "the driver removed the device; the events that its ring still holds are being published";

}  // namespace

Channel::Channel(Services services, record::ChannelDescription description, device::ChannelSettings settings,
                 Inherited inherited, std::function<void()> request_turn)
    : services_(services), description_(std::move(description)), settings_(std::move(settings)),
      request_turn_(std::move(request_turn)), is_readable_([this] { return is_reported_readable(); }),
      inherited_device_(std::move(inherited.device)), path_watch_(services_.loop, [this] { start_retry_timer(0us); }),
      device_(services_.inherited_fds, services_.devices_in_use, std::move(inherited.use),
              std::move(inherited.eventfd)),
      pump_(description_.name, services_.connection, services_.publisher, services_.totals, services_.log,
            {.committed = [this] { backoff_.reset(); }, .new_instance = [this] { emit_changed(); }})
{
    use_device_settings();
    update_message_context();
    pump_.set_previous(inherited.previous);
    if (inherited.checkpoint)
        pump_.restore(std::move(*inherited.checkpoint));
    handle(Trigger::device_appeared);
    bus_connected();
}

/// Runs the transition for `trigger`, and those for the triggers that its actions cause.
void Channel::handle(Trigger trigger, std::string reason)
{
    const State before = state_;
    bool reopened = false;
    TriggerWithReason cause{trigger, std::move(reason)};
    for (;;) {
        const Transition transition = next(state_, cause.trigger);
        state_ = transition.to;
        reopened = reopened || contains_any(transition.actions, Action::open_device);
        std::optional<TriggerWithReason> outcome = run_actions(transition.actions, cause.trigger);
        if (!outcome)
            break;
        cause = *std::move(outcome);
    }
    watch_awaited_path();
    report(before, cause, reopened);
    request_turn_();
}

std::optional<Channel::TriggerWithReason> Channel::run_actions(Action actions, Trigger cause)
{
    if (contains_any(actions, Action::cancel_retry) && retry_timer_)
        retry_timer_.enable(false);
    if (contains_any(actions, Action::stop_and_keep_open))
        // If the device is not open, this closes what a failed attempt to open it left: the eventfd and stored files.
        device_.is_open() ? stop_reading() : close_device();
    if (contains_any(actions, Action::stop_and_close_unless_ring))
        device_.is_open() && device_.is_ring() ? stop_reading() : close_device();
    if (contains_any(actions, Action::reset_backoff))
        backoff_.reset();
    std::optional<TriggerWithReason> outcome = run_device_action(actions);
    if (contains_any(actions, Action::schedule_retry))
        schedule_retry(cause);
    return outcome;
}

/// Runs the actions that can fail, or that lead to another transition.
std::optional<Channel::TriggerWithReason> Channel::run_device_action(Action actions)
{
    std::optional<TriggerWithReason> failure;
    if (contains_any(actions, Action::finish_input))
        failure = attempt([this] { finish_input(); });
    if (contains_any(actions, Action::open_device)) {
        failure = attempt([this] { open_device(); });
        return failure ? failure : TriggerWithReason{Trigger::opened, {}};
    }
    if (contains_any(actions, Action::resume_reading))
        failure = attempt([this] {
            start_reading();
            start_notification();
        });
    if (contains_any(actions, Action::read_rest) && !pump_.is_reading() && device_.is_open())
        failure = attempt([this] { start_reading(); });
    if (!failure && !pump_.is_reading() && contains_any(actions, Action::read_rest | Action::finish_input))
        return TriggerWithReason{Trigger::input_ended, {}};
    return failure;
}

/// Turns an exception of the device into a trigger of the state machine. A broken connection to the bus is no failure
/// of this channel.
std::optional<Channel::TriggerWithReason> Channel::attempt(const std::function<void()>& work) const
{
    try {
        work();
    } catch (const bus::SendError&) {
        throw;
    } catch (const device::AbsentError& error) {
        return TriggerWithReason{Trigger::device_missing, error.what()};
    } catch (const device::UnusableError& error) {
        return TriggerWithReason{Trigger::device_unusable, error.what()};
    } catch (const FloodError& error) {
        return TriggerWithReason{Trigger::flood_detected, error.what()};
    } catch (const std::system_error& error) {
        const char* const hint = error.code() == std::errc::too_many_files_open
                                     ? "; the limit of open files is reached: raise LimitNOFILE= of drvbusd.service"
                                     : "";
        return TriggerWithReason{Trigger::device_error, fmt::format("{}{}", error.what(), hint)};
    } catch (const std::exception& error) {
        return TriggerWithReason{Trigger::device_error, error.what()};
    }
    return std::nullopt;
}

/// Logs and announces a change of the properties State and Reason.
/// @param cause the last trigger, with the reason for the new state
void Channel::report(State before, const TriggerWithReason& cause, bool reopened)
{
    const bool failed = cause.trigger == Trigger::device_missing || cause.trigger == Trigger::device_unusable ||
                        cause.trigger == Trigger::device_error || cause.trigger == Trigger::flood_detected;
    const std::string_view name_of_state = to_string(state_);
    if (is_final(state_)) {
        if (failed)
            log_state(spdlog::level::err,
                      fmt::format("channel {}: the remaining events cannot be read: {}", name(), cause.reason));
        return;
    }
    const bool changed = name_of_state != to_string(before) || (failed && cause.reason != reason_);
    if (changed) {
        reason_ = cause.reason;
        const auto level = state_ == State::absent || !failed ? spdlog::level::info : spdlog::level::err;
        if (cause.trigger != Trigger::opened)  // open_device() has logged it
            log_state(level,
                      fmt::format("channel {}: {}{}{}", name(), name_of_state, reason_.empty() ? "" : ": ", reason_));
    }
    if (changed || reopened)
        emit_changed();
}

void Channel::open_device()
{
    stop_reading();
    const device::OpenedDevice opened = device_.open(description_, std::exchange(inherited_device_, UniqueFd()));
    const checkpoint::Checkpoint* const checkpoint = pump_.checkpoint();
    if (checkpoint == nullptr || (device_.is_ring() && opened.instance != checkpoint->progress().instance))
        // Only a file that an earlier process stored has a position that was committed.
        pump_.begin_checkpoint(description_, opened.instance, device_.is_stored() ? opened.position : 0);
    device_.set_up(*pump_.checkpoint());
    start_reading();
    device_.store(name());
    start_notification();
    flood_guard_ = {};
    log_state(spdlog::level::info,
              fmt::format("channel {}: {} online at sequence {}, notification {}", name(), description_.node,
                          pump_.sent().next_sequence, properties().notification));
}

void Channel::start_reading()
{
    pump_.set_reader(reader::make_reader(device_, description_, *pump_.checkpoint()));
}

void Channel::stop_reading()
{
    notification_.reset();
    pump_.set_reader(nullptr);
}

void Channel::close_device()
{
    stop_reading();
    flood_guard_ = {};
    device_.close(name());
}

void Channel::finish_input()
{
    checkpoint::Checkpoint* const checkpoint = pump_.checkpoint();
    if (!pump_.is_reading() && checkpoint != nullptr && checkpoint->has_replay_log())
        pump_.set_reader(reader::make_remaining_input_reader(device_, description_, *checkpoint));
    if (pump_.is_reading())
        pump_.reader()->finish();
}

void Channel::schedule_retry(Trigger cause)
{
    start_retry_timer(cause == Trigger::flood_detected ? flood_guard_.next_pause() : backoff_.next());
}

/// Most channels never need the timer, so it is created when it is first used.
void Channel::start_retry_timer(std::chrono::microseconds delay)
{
    if (!retry_timer_)
        retry_timer_ = services_.loop.timer(EventLoop::Priority::normal, [this] { handle(Trigger::retry_due); });
    EventLoop::start(retry_timer_, delay);
}

/// A path that is missing, or whose permissions deny the access, is tried again as soon as that changes.
void Channel::watch_awaited_path()
{
    if (device_.awaited_path().empty() || is_final(state_))
        path_watch_.stop();
    else if (path_watch_.watch(device_.awaited_path()))
        start_retry_timer(0us);
}

void Channel::start_notification()
{
    const device::Settings* const settings = device_.settings();
    const notification::Device device{.fd = device_.fd(),
                                      .is_drvbus_class = description_.is_drvbus_class,
                                      .eventfd = device_.eventfd(),
                                      .priority_only = settings != nullptr && settings->priority_only};
    // The old notification ends first: two of them would register with the same open file.
    notification_.reset();
    try {
        notification_ =
            settings_.notification
                ? notification::make(*settings_.notification, services_.loop, services_.sigio, device, request_turn_)
                : notification::make_any(services_.loop, services_.sigio, device, request_turn_);
    } catch (const std::system_error& error) {
        const int code = error.code().value();
        if (code == ENODEV)
            return;  // the device was removed; its remaining events need no notification
        if (code == EMFILE || code == ENFILE || code == ENOMEM || code == ENOSPC)
            throw;
        throw device::UnusableError(error.what());  // the driver does not support this notification
    }
}

/// Uses the settings of the configured device, unless the configuration now has another device for the channel.
void Channel::use_device_settings()
{
    const bool same = settings_.device && settings_.device->hash == description_.settings_hash;
    device_.set_settings(same ? settings_.device : nullptr);
}

void Channel::update_message_context()
{
    bus::MessageContext& context = pump_.message_context();
    context.event_names = settings_.event_names ? *settings_.event_names : description_.event_names;
    context.other_events = settings_.event;
    // A driver must not give this name to its events. The configuration cannot.
    std::erase_if(context.event_names, [](const auto& entry) { return entry.second == record::kMismatchName; });
    if (settings_.format) {
        context.format = *settings_.format;
        return;
    }
    try {
        context.format = format::Format::parse(description_.format);
    } catch (const format::ParseError& error) {
        context.format = {};
        services_.log.write(
            fmt::format("channel {}: errors in the driver's format", name()), spdlog::level::err,
            fmt::format("channel {}: the driver's format has an error in {}; the events are published as bytes. To "
                        "correct this, set 'format' in the [[channel]] of the configuration",
                        name(), error.what()));
    }
}

void Channel::configure(const device::ChannelSettings& settings)
{
    if (is_retired())
        return;
    const bool notification_changed = settings.notification != settings_.notification;
    settings_ = settings;
    use_device_settings();
    update_message_context();
    if (!pump_.is_reading()) {
        handle(Trigger::settings_changed);
        return;
    }
    backoff_.reset();
    pump_.reader()->set_decoder(reader::make_decoder(device_));
    if (notification_changed) {
        if (std::optional<TriggerWithReason> failure = attempt([this] { start_notification(); }))
            handle(failure->trigger, std::move(failure->reason));
    }
    emit_changed();
    request_turn_();
}

bool Channel::device_added(const record::ChannelDescription& description)
{
    // The channel first publishes the events in the ring of the previous device.
    if (!pump_.is_reading() && device_.is_ring() && device_.hung_up())
        handle(Trigger::device_replaced, kRemoved);
    if (pump_.is_reading() || is_retired())
        return false;
    description_ = description;
    update_message_context();
    // The device stays open if it is the same one. A driver without lseek() and pread() keeps the position in the open
    // file only. If the daemon opened such a device again, it would read events that were already published.
    if (!device_.is_open_as(description_.node))
        close_device();
    handle(Trigger::device_added);
    return true;
}

void Channel::device_removed()
{
    handle(Trigger::device_removed, kRemoved);
}

void Channel::confirm_device(const record::ChannelDescription& description)
{
    if (!pump_.is_reading() || is_retired() || (state_ != State::removing && description == description_))
        return;
    description_ = description;
    update_message_context();
    handle(Trigger::removal_cancelled);
    emit_changed();
}

void Channel::device_appeared()
{
    if (!device_.is_open() && !pump_.is_reading())
        handle(Trigger::device_appeared);
}

void Channel::retire()
{
    handle(Trigger::retire_requested);
}

void Channel::remove_stored_fds() const
{
    for (const auto which :
         {service::StoredFdKind::device, service::StoredFdKind::eventfd, service::StoredFdKind::checkpoint})
        service::remove_fd(which, name());
}

void Channel::bus_disconnected()
{
    object_.reset();
    pump_.rewind();
}

void Channel::bus_connected()
{
    if (services_.connection.is_connected())
        object_ = std::make_unique<bus::ChannelObject>(
            services_.connection, pump_.message_context().path,
            bus::ChannelObject::Callbacks{.properties = [this] { return properties(); },
                                          .replay = [this](std::uint64_t since) { return replay(since); }});
    request_turn_();
}

Channel::TurnResult Channel::turn()
{
    if (!services_.connection.is_flushed())
        return TurnResult::bus_busy;
    TurnResult result = TurnResult::idle;
    std::optional<TriggerWithReason> failure = attempt([&] {
        pump_.commit_published();
        const std::uint64_t notifications = notification_ ? notification_->clear() : 0;
        if (!pump_.is_reading())
            return;
        pump_.reader()->notified(notifications, notification_ && notification_->kind() == notification::Kind::eventfd);
        result = pump_turn();
    });
    if (failure)
        handle(failure->trigger, std::move(failure->reason));
    if (pump_.is_reading())
        return result;
    if (!services_.connection.is_flushed())
        return TurnResult::bus_busy;
    pump_.commit_published();
    return is_final(state_) ? TurnResult::ended : TurnResult::idle;
}

void Channel::release_memory() noexcept
{
    if (checkpoint::Checkpoint* const checkpoint = pump_.checkpoint())
        checkpoint->release_free_space();
}

Channel::TurnResult Channel::pump_turn()
{
    const device::Settings* const settings = device_.settings();
    const bool ending = state_ == State::removing || state_ == State::retiring;
    // A channel that is ending has no flood limit: a pause would lose its remaining events.
    switch (pump_.run(flood_guard_, settings != nullptr && !ending ? settings->flood_limit : 0, is_readable_)) {
    case Pump::Result::more:
        return TurnResult::more;
    case Pump::Result::bus_busy:
        return TurnResult::bus_busy;
    case Pump::Result::input_ended:
        if (!description_.is_drvbus_class && !ending)
            throw std::runtime_error("the device hung up; it is opened again");
        handle(Trigger::input_ended);
        return TurnResult::ended;
    case Pump::Result::drained:
        break;
    }
    if (state_ == State::flooded_reading)
        handle(Trigger::drained);
    return TurnResult::idle;
}

bool Channel::is_reported_readable() const
{
    const device::Settings* const settings = device_.settings();
    const bool polled = notification_ && notification_->kind() == notification::Kind::poll;
    return settings != nullptr && polled && !settings->priority_only && device_.readable();
}

std::string Channel::reason() const
{
    return state_ == State::online && reason_.empty() && service::is_incomplete(name()) ? kNotStored : reason_;
}

bus::ChannelProperties Channel::properties() const
{
    const checkpoint::Progress& sent = pump_.sent();
    return {.name = name(),
            .device = description_.node,
            .notification = notification_ ? std::string(to_string(notification_->kind())) : std::string(),
            .format = pump_.message_context().format.text(),
            .state = std::string(to_string(state_)),
            .reason = reason(),
            .instance = sent.instance,
            .previous_instance = sent.previous.instance,
            .previous_next_sequence = sent.previous.next_sequence,
            .next_sequence = sent.next_sequence,
            .events_published = sent.published,
            .events_lost = sent.lost,
            .format_mismatches = sent.mismatches,
            .framing_errors = pump_.framing_errors()};
}

bus::Replay Channel::replay(std::uint64_t since)
{
    if (!pump_.is_reading())
        throw bus::MethodError("org.drvbus1.Error.Unavailable",
                               fmt::format("channel {} is {}: {}; ask again once its State is \"online\"", name(),
                                           to_string(state_), reason_));
    return pump_.replay(since);
}

/// Logs a change of the channel's state. A device can cause many of them.
void Channel::log_state(LogLimiter::Level level, const std::string& line) const
{
    services_.log.write(fmt::format("channel {}: changes of its state", name()), level, line);
}

void Channel::emit_changed()
{
    if (object_)
        object_->emit_changed();
}

}  // namespace drvbus::channel

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "channel/channel.hpp"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace drvbus {

namespace {

// Bytes of records that a turn publishes: some hundred events of the usual size, enough to make the
// system calls around them cheap, few enough that the next channel gets its turn soon.
constexpr std::size_t kShare = 16384;

// A device that was in use a moment ago is back soon; one that stays away must cost nothing.
constexpr std::chrono::milliseconds kFirstRetry{250};
constexpr std::chrono::milliseconds kLastRetry{30000};

}  // namespace

Channel::Channel(Services services, device::Description description, ChannelConfig config, Kept kept,
                 std::function<void()> on_news, Counters& total)
    : services_(services), description_(std::move(description)), config_(std::move(config)),
      on_news_(std::move(on_news)), total_(total), retry_after_(kFirstRetry), ledger_(std::move(kept.ledger)),
      device_(services.inherited_fds, std::move(kept.eventfd))
{
    retry_ = services_.loop.timer(Loop::Priority::normal, [this] { calm_.flooded() ? resume() : open({}); });
    take_settings();
    published_.path = bus::channel_path(description_.name);
    use_format();
    sent_.previous = kept.previous;
    if (ledger_)
        sent_ = ledger_->progress();
    open(std::move(kept.device));
    bus_back();
}

void Channel::open(UniqueFd kept_device)
{
    retry_.enable(false);
    guard([&] { start(std::move(kept_device)); });
    if (object_)
        object_->changed();
    on_news_();
}

void Channel::start(UniqueFd kept_device)
{
    stop_reading();
    const device::Opened opened = device_.open(description_, std::move(kept_device));
    if (!ledger_ || (device_.is_ring() && opened.instance != ledger_->progress().instance))
        begin_ledger(opened.instance, device_.is_kept() ? opened.position : 0);
    device_.set_up(*ledger_);
    start_reading();
    device_.keep(name());
    notify_by(config_.notification);
    calm_ = {};
    state_ = State::online;
    reason_.clear();
    spdlog::info("channel {}: {} online at sequence {}, notification {}", name(), description_.node,
                 sent_.next_sequence, notification());
}

/// Looks whether a device that flooded still does.
void Channel::resume()
{
    guard([&] {
        start_reading();
        notify_by(config_.notification);
    });
    on_news_();
}

void Channel::start_reading()
{
    reader_ = device_.make_reader(description_, *ledger_);
}

/// What the configuration says of the device that is open: nothing where it says something else by now.
void Channel::take_settings()
{
    const bool same = config_.device && config_.device->hash == description_.settings;
    device_.configure(same ? config_.device : std::nullopt);
}

void Channel::begin_ledger(std::uint64_t instance, std::uint64_t position)
{
    // A device that was replaced behind the daemon's back may have had more than was read of it.
    const device::Ending previous = ledger_ ? device::Ending{} : sent_.previous;
    if (ledger_)
        service::drop(service::Part::ledger, name());
    ledger_ = device::Ledger::create(description_, instance);
    sent_ = ledger_->progress();
    sent_.previous = previous;
    sent_.next_sequence = std::max(sent_.next_sequence, position);
    ledger_->commit(sent_);
    service::keep(service::Part::ledger, name(), ledger_->fd());
}

void Channel::notify_by(std::optional<notification::Kind> kind)
{
    const notification::Device device = device_.for_notification(description_);
    notification_.reset();  // first: both would work on the same open file
    try {
        notification_ = kind ? notification::make(*kind, services_.loop, services_.sigio, device, on_news_)
                             : notification::make_any(services_.loop, services_.sigio, device, on_news_);
    } catch (const std::system_error& error) {
        const int code = error.code().value();
        if (code == ENODEV)
            return;  // the channel has ended: there is only the rest to read
        if (code == EMFILE || code == ENFILE || code == ENOMEM || code == ENOSPC)
            throw;
        throw device::Unusable(error.what());  // the device is not made for it, and will not be
    }
}

void Channel::use_format()
{
    published_.event_names = config_.event_names ? *config_.event_names : description_.event_names;
    if (config_.format) {
        published_.format = *config_.format;
        return;
    }
    try {
        published_.format = format::Format::parse(description_.format);
    } catch (const format::ParseError& error) {
        published_.format = {};
        spdlog::error("channel {}: the driver's format is wrong at its {}; its events are published as bytes. "
                      "Set a format in a [[channel]] of the configuration to mend it",
                      name(), error.what());
    }
}

void Channel::configure(const ChannelConfig& config)
{
    if (retired_)
        return;
    const bool renotify = config.notification != config_.notification;
    config_ = config;
    take_settings();
    use_format();
    retry_after_ = kFirstRetry;
    if (!serving()) {
        open({});
        return;
    }
    reader_->decode_by(device_.make_decoder());
    if (renotify)
        guard([this] { notify_by(config_.notification); });
    if (object_)
        object_->changed();
    on_news_();
}

void Channel::look_again()
{
    if (device_.is_open() || serving() || retired_)
        return;
    retry_after_ = kFirstRetry;
    open({});
}

bool Channel::waits_for(sd_device* device) const
{
    const device::Settings* const settings = device_.settings();
    const char* node = nullptr;
    if (settings == nullptr || device_.is_open() || sd_device_get_devname(device, &node) < 0)
        return false;
    return settings->match ? device::fits(*settings->match, device) : settings->path == node;
}

bool Channel::device_added(const device::Description& description)
{
    if (!serving() && device_.is_ring() && device_.hung_up())
        guard([this] { start_reading(); });  // what the one before still holds comes first
    if (serving() || retired_)
        return false;
    description_ = description;
    leaving_ = false;
    retry_after_ = kFirstRetry;
    use_format();
    // The same one goes on where it was: an old-style node, opened anew, begins with what is published already.
    if (!device_.is_open_as(description_.node))
        close();
    open({});
    return true;
}

void Channel::device_removed()
{
    leaving_ = true;
    if (!serving() && device_.is_open())
        guard([this] { start_reading(); });  // until it ends: there is no other news to come
    retry_.enable(false);
    if (serving()) {
        state_ = State::gone;
        reason_ = "the driver has taken the channel away; what it still holds is being published";
        if (object_)
            object_->changed();
    }
    on_news_();
}

void Channel::stays(const device::Description& description)
{
    if (!serving() || retired_ || (!leaving_ && description == description_))
        return;
    description_ = description;
    use_format();
    leaving_ = false;
    state_ = State::online;
    reason_.clear();
    if (object_)
        object_->changed();
}

void Channel::retire()
{
    leaving_ = retired_ = true;
    if (!serving() && ledger_ && ledger_->has_log())
        reader_ = device_.make_rest_reader(description_, *ledger_);
    if (serving())
        reader_->finish();
    retry_.enable(false);
    on_news_();
}

void Channel::forget() const
{
    for (const auto part : {service::Part::device, service::Part::eventfd, service::Part::ledger})
        service::drop(part, name());
}

void Channel::bus_lost()
{
    object_.reset();
    if (ledger_)
        sent_ = ledger_->progress();  // what was on its way is not known to have arrived
}

void Channel::bus_back()
{
    if (services_.connection.up())
        object_ = std::make_unique<bus::ChannelObject>(services_.connection, published_.path, *this);
    on_news_();
}

/// Whatever goes wrong with one channel is that channel's matter.
void Channel::guard(const std::function<void()>& work)
{
    try {
        work();
    } catch (const bus::SendError&) {
        throw;
    } catch (const device::Absent& error) {
        stop(State::gone, error.what());
    } catch (const device::Unusable& error) {
        stop(State::failed, error.what());
    } catch (const Flood& error) {
        retry_after_ = calm_.pause();
        stop(State::retrying, error.what(), true);
    } catch (const std::exception& error) {
        stop(State::retrying, error.what());
    }
}

void Channel::set_state(State state, const std::string& reason)
{
    if (state == state_ && reason == reason_)
        return;
    const auto level = state == State::retrying || state == State::failed ? spdlog::level::err : spdlog::level::info;
    spdlog::log(level, "channel {}: {}{}{}", name(), to_string(state), reason.empty() ? "" : ": ", reason);
    state_ = state;
    reason_ = reason;
    if (object_)
        object_->changed();
}

void Channel::stop(State state, const std::string& reason, bool stays_open)
{
    // A ring, and a device with which nothing is wrong, still hold what they hold when they are of use again.
    if (device_.is_open() && (device_.is_ring() || state == State::failed || stays_open))
        stop_reading();
    else
        close();
    set_state(state, reason);
    if (state != State::failed && !leaving_) {
        Loop::start(retry_, retry_after_);
        retry_after_ = std::min(retry_after_ * 2, kLastRetry);
    }
    on_news_();
}

void Channel::stop_reading()
{
    notification_.reset();
    reader_.reset();
}

void Channel::close()
{
    stop_reading();
    calm_ = {};
    device_.close(name());
}

Channel::Turn Channel::turn()
{
    if (!services_.connection.writable())
        return Turn::wait;
    Turn turn = Turn::idle;
    guard([&] {
        settle();
        const std::uint64_t news = notification_ ? notification_->clear() : 0;
        if (serving()) {
            reader_->news(news, notification_ && notification_->kind() == notification::Kind::eventfd);
            turn = publish_share();
        }
    });
    if (serving())
        return turn;
    if (!services_.connection.writable())
        return Turn::wait;
    settle();
    return leaving_ ? Turn::ended : Turn::idle;
}

Channel::Turn Channel::publish_share()
{
    std::size_t share = kShare;
    while (share > 0) {
        const device::Reader::Batch batch = reader_->read();
        if (batch.status == device::Reader::Status::empty) {
            if (batch.came)
                calm_.came();
            if (!cries_wolf())
                return Turn::idle;
            share -= std::min(share, kShare / 16);  // for it may go on so
            continue;
        }
        if (batch.status == device::Reader::Status::end) {
            if (!description_.drvbus_class && !leaving_)
                throw std::runtime_error("the device hung up; it is opened again");
            whole_ = true;
            return Turn::ended;
        }
        const std::uint64_t published = sent_.published;
        const std::size_t done = batch.records.empty() ? share : publish_batch(batch.records, share);
        if (const device::Settings* const settings = device_.settings())
            calm_.published(std::max<std::uint64_t>(sent_.published - published, 1), settings->flood);
        if (!services_.connection.writable())
            return Turn::wait;
        settle();
        share -= std::min(share, done);
    }
    return Turn::more;
}

/// A read has found nothing. @returns whether the device says that there is something all the same
/// @throws std::runtime_error where it does so again and again
bool Channel::cries_wolf()
{
    if (calm_.flooded())
        set_state(State::online, {});
    const device::Settings* const settings = device_.settings();
    const bool polled = notification_ && notification_->kind() == notification::Kind::poll;
    return calm_.empty(settings != nullptr && polled && !settings->urgent_only && device_.readable());
}

std::size_t Channel::publish_batch(std::span<const std::byte> records, std::size_t share)
{
    std::size_t done = 0;
    do {
        const device::Record record = device::parse_record(records.subspan(done));
        if (record.state != device::Record::State::whole)
            throw std::runtime_error("the driver hands out bytes that are no drvbus records");
        publish(record.event);
        done += record.size;
        sent_.bytes += record.size;
    } while (done < records.size() && done < share && services_.connection.writable());
    return done;
}

void Channel::publish(const device::Event& event)
{
    if (event.sequence < sent_.next_sequence)
        begin_again(event.sequence);
    if (event.sequence > sent_.next_sequence)
        tell_lost(event.sequence);
    if (!services_.publisher.event(published_, event) && sent_.mismatches++ == 0)
        spdlog::warn("channel {}: a payload of {} bytes does not fit the format, which takes {}; it is published as "
                     "bytes. C compilers pad structs: name the padding in the format, such as u8 _[3]",
                     name(), event.payload.size(), published_.format.wanted());
    ++sent_.published;
    sent_.next_sequence = event.sequence + 1;
}

void Channel::begin_again(std::uint64_t sequence)
{
    spdlog::info("channel {}: the sequence went back from {} to {}: another instance", name(), sent_.next_sequence,
                 sequence);
    sent_.previous = {sent_.instance, sent_.next_sequence};
    sent_.instance = device::new_instance();
    sent_.instance_begin = sent_.bytes;
    sent_.next_sequence = 1;
    if (object_)
        object_->changed();
}

void Channel::tell_lost(std::uint64_t until)
{
    const std::uint64_t count = until - sent_.next_sequence;
    services_.publisher.lost(published_, sent_.next_sequence, count);
    spdlog::warn("channel {}: {} events from sequence {} on are lost: {}", name(), count, sent_.next_sequence,
                 device_.is_ring() ? "they were overwritten before they could be published; a deeper ring holds more"
                                   : "the device's own count passes over them");
    sent_.lost += count;
    sent_.next_sequence = until;
}

/// The bus has taken everything: the next process goes on behind it.
void Channel::settle()
{
    if (!ledger_ || sent_ == ledger_->progress())
        return;
    total_.published += sent_.published - ledger_->progress().published;
    total_.lost += sent_.lost - ledger_->progress().lost;
    ledger_->commit(sent_);
    if (serving())
        reader_->commit(sent_);
    retry_after_ = kFirstRetry;
}

device::Ending Channel::ending() const noexcept
{
    if (!ledger_)
        return sent_.previous;
    return whole_ ? device::Ending{sent_.instance, sent_.next_sequence} : device::Ending{};
}

bus::Replay Channel::replay(std::uint64_t since)
{
    if (!serving())
        throw bus::ReplayError(
            "org.drvbus1.Error.Unavailable",
            fmt::format("channel {} is {}: {}; ask again once its State is \"online\"", name(), state(), reason_));
    if (sent_.instance != ledger_->progress().instance)
        throw bus::ReplayError("org.drvbus1.Error.Unavailable",
                               fmt::format("channel {} is another instance from now on, and the bus has not taken the "
                                           "first of its events yet; ask again",
                                           name()));
    const std::uint64_t next = std::max(reader_->next_sequence(), sent_.next_sequence);
    if (since > next)
        throw bus::ReplayError("org.drvbus1.Error.OutOfRange",
                               fmt::format("there is no event {} yet, the next one is {}; ask from there on. If you "
                                           "have seen {}, that was another instance of the channel: begin at 1",
                                           since, next, since - 1));
    return {published_, reader_->read_at(since), next, instance()};
}

std::string Channel::notification() const
{
    return notification_ ? std::string(to_string(notification_->kind())) : std::string();
}

std::string_view to_string(Channel::State state) noexcept
{
    switch (state) {
    case Channel::State::online:
        return "online";
    case Channel::State::retrying:
        return "retrying";
    case Channel::State::gone:
        return "gone";
    default:
        return "failed";
    }
}

}  // namespace drvbus

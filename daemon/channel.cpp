// SPDX-License-Identifier: LGPL-2.1-or-later
#include "channel.hpp"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/drvbus.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>

namespace drvbus {

namespace {

// Bytes of records that a turn publishes: some hundred events of the usual size, enough to make the
// system calls around them cheap, few enough that the next channel gets its turn soon.
constexpr std::size_t kShare = 16384;

UniqueFd open_device(const std::string& node)
{
    // O_NOCTTY: a terminal must not become the daemon's own.
    UniqueFd fd(::open(node.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (!fd)
        throw std::system_error(errno, std::generic_category(), fmt::format("opening {}", node));
    return fd;
}

void make_non_blocking(int fd)
{
    const int flags = fcntl(fd, F_GETFL);
    check(flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0, "O_NONBLOCK");
    check(fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0, "FD_CLOEXEC");
}

}  // namespace

Channel::Channel(Services services, device::Description description, ChannelConfig config, UniqueFd inherited_fd,
                 std::function<void()> on_news, Counters& total)
    : services_(services), description_(std::move(description)), config_(std::move(config)),
      on_news_(std::move(on_news)), total_(total)
{
    published_.path = bus::channel_path(description_.name);
    published_.event_names = description_.event_names;
    use_format();
    try {
        open(std::move(inherited_fd));
        notify_by(config_.notification);
        spdlog::info("channel {}: {} online, notification {}", name(), description_.node, notification());
    } catch (const std::exception& error) {
        fail(error.what());
    }
    object_ = std::make_unique<bus::ChannelObject>(services_.connection, published_.path, *this);
}

void Channel::open(UniqueFd inherited_fd)
{
    if (drvbus_node()) {
        open_node();
        return;
    }
    if (inherited_fd) {
        make_non_blocking(inherited_fd.get());
        fd_ = std::move(inherited_fd);
    } else if (config_.device.starts_with('/')) {
        fd_ = open_device(config_.device);
    } else {
        throw std::runtime_error(fmt::format("the service manager passed no file called \"{}\"; see "
                                             "FileDescriptorName= in systemd.socket(5)",
                                             config_.device.substr(3)));
    }
    reader_ = device::make_stream_reader(fd_.get(), config_.framing);
}

void Channel::open_node()
{
    fd_ = open_device(description_.node);
    drvbus_info info{};
    if (ioctl(fd_.get(), DRVBUS_IOC_INFO, &info) < 0) {
        if (errno != ENOTTY)
            throw std::system_error(errno, std::generic_category(), "asking the channel about itself");
        // An old-style node: it can be read, and that is all.
        reader_ = device::make_stream_reader(fd_.get(), device::Framing::records);
        return;
    }
    if (info.abi_version != DRVBUS_ABI_VERSION)
        throw std::runtime_error(fmt::format("drvbus.ko speaks ABI {}, this drvbusd ABI {}; install both from the "
                                             "same release",
                                             info.abi_version, DRVBUS_ABI_VERSION));
    reader_ = device::make_ring_reader(fd_.get(), next_sequence_);
}

void Channel::notify_by(std::optional<notification::Kind> kind)
{
    const notification::Device device{fd_.get(), drvbus_node()};
    notification_.reset();  // first: both would work on the same open file
    notification_ = kind ? notification::make(*kind, services_.loop, services_.sigio, device, on_news_)
                         : notification::make_any(services_.loop, services_.sigio, device, on_news_);
}

void Channel::use_format()
{
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
    const bool renotify = config.notification != config_.notification;
    config_ = config;
    use_format();
    if (renotify && fd_) {
        failure_.clear();
        try {
            notify_by(config_.notification);
        } catch (const std::exception& error) {
            fail(error.what());
        }
    }
    object_->changed();
}

Channel::Turn Channel::turn()
{
    if (failed())
        return Turn::ended;
    if (!services_.connection.writable())
        return Turn::wait;
    try {
        notification_->clear();
        return publish_share();
    } catch (const bus::SendError&) {
        throw;  // not this channel's fault
    } catch (const std::exception& error) {
        fail(error.what());
        object_->changed();
        return Turn::ended;
    }
}

Channel::Turn Channel::publish_share()
{
    std::size_t share = kShare;
    while (share > 0) {
        const device::Reader::Batch batch = reader_->read();
        if (batch.status == device::Reader::Status::empty)
            return Turn::idle;
        if (batch.status == device::Reader::Status::end) {
            if (!drvbus_node())
                throw std::runtime_error("the device hung up; reload once it is back");
            return Turn::ended;
        }
        const std::size_t done = publish_batch(batch.records, share);
        if (!services_.connection.writable())
            return Turn::wait;
        share -= std::min(share, done);
    }
    return Turn::more;
}

std::size_t Channel::publish_batch(std::span<const std::byte> records, std::size_t share)
{
    std::size_t done = 0;
    const auto commit = [&] {
        if (done > 0)
            reader_->commit(next_sequence_, done);
    };
    try {
        do {
            const device::Record record = device::parse_record(records.subspan(done));
            if (record.state != device::Record::State::whole)
                throw std::runtime_error("the driver hands out bytes that are no drvbus records");
            publish(record.event);
            done += record.size;
        } while (done < records.size() && done < share && services_.connection.writable());
    } catch (...) {
        commit();  // what the bus has taken must not come twice
        throw;
    }
    commit();
    return done;
}

void Channel::publish(const device::Event& event)
{
    if (event.sequence < next_sequence_)
        throw std::runtime_error(fmt::format("the sequence went back from {} to {}", next_sequence_, event.sequence));
    if (event.sequence > next_sequence_)
        tell_lost(event.sequence);
    if (!services_.publisher.event(published_, event) && mismatches_++ == 0)
        spdlog::warn("channel {}: a payload of {} bytes does not fit the format, which takes {}; it is published as "
                     "bytes. C compilers pad structs: name the padding in the format, such as u8 _[3]",
                     name(), event.payload.size(), published_.format.wanted());
    ++counters_.published;
    ++total_.published;
    next_sequence_ = event.sequence + 1;
}

void Channel::tell_lost(std::uint64_t until)
{
    const std::uint64_t count = until - next_sequence_;
    services_.publisher.lost(published_, next_sequence_, count);
    spdlog::warn("channel {}: {} events from sequence {} on were overwritten before they could be published; "
                 "a deeper ring holds more",
                 name(), count, next_sequence_);
    counters_.lost += count;
    total_.lost += count;
    next_sequence_ = until;
}

void Channel::fail(const std::string& reason)
{
    failure_ = reason;
    notification_.reset();
    spdlog::error("channel {}: {} failed: {}", name(), description_.node, reason);
}

std::string Channel::notification() const
{
    return notification_ ? std::string(to_string(notification_->kind())) : std::string();
}

std::string Channel::state() const
{
    return failed() ? "failed: " + failure_ : "online";
}

}  // namespace drvbus

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device/device_file.hpp"

#include <utility>

#include <fmt/format.h>
#include <poll.h>

namespace drvbus::device {

namespace {

bool has_event(int fd, short event)
{
    pollfd status{fd, event, 0};
    return fd >= 0 && poll(&status, 1, 0) == 1 && (status.revents & event) != 0;
}

UniqueFd inherited_file(const service::InheritedFds& inherited, const std::string& name)
{
    UniqueFd file = inherited.open(name);
    if (!file)
        throw Unusable(fmt::format("the service manager passed no file called \"{}\"; see "
                                   "FileDescriptorName= in systemd.socket(5)",
                                   name));
    return file;
}

}  // namespace

Node::~Node()
{
    if (fd_ && !service::keeps())
        take_down();
}

Opened Node::open(Description& description, UniqueFd kept)
{
    if (kept)
        kept_ = true;  // by the service manager, for this process
    else
        kept = std::move(fd_);  // of one that failed
    // What tells of its events is gone: it has to be told anew where to.
    if (kept && settings_ && settings_->eventfd && !eventfd_) {
        fd_ = std::exchange(kept, UniqueFd());
        close(description.name);
    }
    anew_ = !kept;
    Opened opened = kept ? adopt(description, std::move(kept)) : open_anew(description);
    fd_ = std::move(opened.fd);
    ring_ = opened.ring;
    return opened;
}

Opened Node::open_anew(Description& description) const
{
    if (description.node.starts_with("fd:"))
        return adopt(description, inherited_file(inherited_, description.node.substr(3)));
    if (settings_ && settings_->match) {
        const std::vector<std::string> nodes = find(*settings_->match);
        if (nodes.empty())
            throw Absent(fmt::format("there is no device of {}", to_string(*settings_->match)));
        description.node = nodes.front();
    }
    return device::open(description, settings_ && settings_->writes());
}

void Node::set_up(Ledger& ledger)
{
    if (ring_)
        return;
    if (!std::exchange(anew_, false)) {
        set_up_ = SetUp::from_bytes(ledger.setup());
        return;
    }
    // What was under way from the one before is none of this one's.
    ledger.discard_staged();
    set_up_ = {};
    eventfd_.reset();
    if (settings_)
        set_up_ = device::set_up(*settings_, fd_, eventfd_);
    ledger.set_setup(set_up_.to_bytes());
}

void Node::keep(const std::string& channel)
{
    if (std::exchange(kept_, true))
        return;
    service::keep(service::Part::device, channel, fd_.get());
    if (eventfd_)
        service::keep(service::Part::eventfd, channel, eventfd_.get());
}

void Node::take_down()
{
    if (settings_)
        device::take_down(*settings_, set_up_, fd_.get(), eventfd_.get());
    set_up_ = {};
}

void Node::close(const std::string& channel)
{
    if (fd_)
        take_down();
    if (std::exchange(kept_, false)) {
        service::drop(service::Part::device, channel);
        service::drop(service::Part::eventfd, channel);
    }
    eventfd_.reset();
    fd_.reset();
}

std::unique_ptr<Reader> Node::make_reader(const Description& description, Ledger& ledger) const
{
    if (ring_)
        return make_ring_reader(fd_.get(), ledger.progress());
    std::unique_ptr<Source> source =
        settings_ ? make_source(*settings_, {.device = fd_.get(), .eventfd = eventfd_.get(), .sysfs = set_up_.sysfs})
                  : make_read_source(fd_.get(), description.framing);
    return make_stream_reader(std::move(source), description.framing, make_decoder(), ledger);
}

std::unique_ptr<Reader> Node::make_rest_reader(const Description& description, Ledger& ledger) const
{
    return make_stream_reader(nullptr, description.framing, make_decoder(), ledger);
}

Decoder Node::make_decoder() const
{
    return settings_ ? Decoder(settings_->decoding, set_up_.front) : Decoder();
}

notification::Device Node::for_notification(const Description& description) const
{
    return {.fd = fd_.get(),
            .drvbus_node = description.drvbus_class,
            .eventfd = eventfd_.get(),
            .urgent_only = settings_ && settings_->urgent_only};
}

bool Node::hung_up() const noexcept
{
    return has_event(fd_.get(), POLLHUP);
}

bool Node::readable() const noexcept
{
    return has_event(fd_.get(), POLLIN);
}

}  // namespace drvbus::device

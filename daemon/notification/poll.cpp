// SPDX-License-Identifier: LGPL-2.1-or-later
#include <system_error>
#include <utility>

#include <sys/epoll.h>

#include "notification/notification.hpp"

namespace drvbus::notification {

namespace {

class PollNotification final : public Notification {
public:
    // Edge-triggered: a channel that waits for the bus must not keep the event loop busy. No edge is missed, because a
    // device is always read until it is drained.
    PollNotification(const EventLoop& loop, Device device, OnReady on_ready)
    try : source_(loop.watch(device.fd, (device.priority_only ? 0U : EPOLLIN) | EPOLLPRI | EPOLLET,
                             EventLoop::Priority::normal, [this, on_ready = std::move(on_ready)](std::uint32_t) {
                                 notified_ = 1;
                                 on_ready();
                             })) {
    } catch (const std::system_error& error) {
        throw std::system_error(error.code(), "the device cannot be polled; set notification to \"auto\" or \"sigio\"");
    }

    [[nodiscard]] Kind kind() const noexcept override { return Kind::poll; }
    std::uint64_t clear() override { return std::exchange(notified_, 0); }  // poll() has no state to clear

private:
    std::uint64_t notified_ = 0;
    EventSource source_;
};

}  // namespace

std::unique_ptr<Notification> make_poll(const EventLoop& loop, Device device, OnReady on_ready)
{
    return std::make_unique<PollNotification>(loop, device, std::move(on_ready));
}

}  // namespace drvbus::notification

// SPDX-License-Identifier: LGPL-2.1-or-later
#include <system_error>
#include <utility>

#include <sys/epoll.h>

#include "notification/notification.hpp"

namespace drvbus::notification {

namespace {

class PollNotification final : public Notification {
public:
    // Edge-triggered: a channel that has to wait for the bus must not keep the loop spinning. A channel
    // is read until it is empty before it is left alone, so no edge is missed.
    PollNotification(const EventLoop& loop, Device device, OnReady on_ready)
    try : source_(loop.watch(device.fd, (device.urgent_only ? 0U : EPOLLIN) | EPOLLPRI | EPOLLET,
                             EventLoop::Priority::normal, [this, on_ready = std::move(on_ready)](std::uint32_t) {
                                 told_ = 1;
                                 on_ready();
                             })) {
    } catch (const std::system_error& error) {
        throw std::system_error(error.code(), "the device cannot be polled; set notification to \"auto\" or \"sigio\"");
    }

    [[nodiscard]] Kind kind() const noexcept override { return Kind::poll; }
    std::uint64_t clear() override { return std::exchange(told_, 0); }  // the kernel does, as the position moves

private:
    std::uint64_t told_ = 0;
    EventSource source_;
};

}  // namespace

std::unique_ptr<Notification> make_poll(const EventLoop& loop, Device device, OnReady on_ready)
{
    return std::make_unique<PollNotification>(loop, device, std::move(on_ready));
}

}  // namespace drvbus::notification

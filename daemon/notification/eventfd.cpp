// SPDX-License-Identifier: LGPL-2.1-or-later
#include <cerrno>
#include <system_error>
#include <utility>

#include <linux/drvbus.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "base/errno.hpp"
#include "base/unique_fd.hpp"
#include "notification/notification.hpp"

namespace drvbus::notification {

namespace {

int register_eventfd(int device, __s32 eventfd)
{
    return ioctl(device, DRVBUS_IOC_EVENTFD, &eventfd) < 0 ? -errno : 0;
}

class EventfdNotification final : public Notification {
public:
    EventfdNotification(const EventLoop& loop, Device device, OnReady on_ready)
        : device_(device.fd), eventfd_(device.eventfd)
    {
        if (eventfd_ < 0) {
            check(device.is_drvbus_class ? 0 : -ENOTTY,
                  "the device does not support an eventfd; set notification to "
                  "\"auto\", \"poll\" or \"sigio\", or set 'eventfd' to the step that registers one");
            own_eventfd_.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
            check(own_eventfd_ ? 0 : -errno, "eventfd");
            eventfd_ = own_eventfd_.get();
            check(register_eventfd(device_, eventfd_),
                  "the device does not support an eventfd; set notification to \"auto\", \"poll\" or \"sigio\"");
        }
        // Edge-triggered: the eventfd stays readable until the channel has its turn, and must not wake the loop until
        // then.
        source_ = loop.watch(eventfd_, EPOLLIN | EPOLLET, EventLoop::Priority::normal,
                             [on_ready = std::move(on_ready)](std::uint32_t) { on_ready(); });
    }

    ~EventfdNotification() override
    {
        // Fails only if the device was removed; then nothing is registered.
        if (own_eventfd_)
            (void)register_eventfd(device_, -1);
    }

    [[nodiscard]] Kind kind() const noexcept override { return Kind::eventfd; }

    std::uint64_t clear() override
    {
        eventfd_t count = 0;
        (void)eventfd_read(eventfd_, &count);  // EAGAIN: the counter is 0
        return count;
    }

private:
    int device_;
    UniqueFd own_eventfd_;  // unless the setup has registered one
    int eventfd_;
    EventSource source_;
};

}  // namespace

std::unique_ptr<Notification> make_eventfd(const EventLoop& loop, Device device, OnReady on_ready)
{
    return std::make_unique<EventfdNotification>(loop, device, std::move(on_ready));
}

}  // namespace drvbus::notification

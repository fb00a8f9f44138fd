// SPDX-License-Identifier: LGPL-2.1-or-later
#include <cerrno>
#include <system_error>
#include <utility>

#include <linux/drvbus.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "notification/notification.hpp"
#include "unique_fd.hpp"

namespace drvbus::notification {

namespace {

int hand_over(int device, __s32 eventfd)
{
    return ioctl(device, DRVBUS_IOC_EVENTFD, &eventfd) < 0 ? -errno : 0;
}

class EventfdNotification final : public Notification {
public:
    EventfdNotification(const Loop& loop, Device device, OnNews on_news)
        : device_(device.fd), eventfd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC))
    {
        check(eventfd_ ? 0 : -errno, "eventfd");
        check(device.drvbus_node ? hand_over(device_, eventfd_.get()) : -ENOTTY,
              "the device takes no eventfd; set notification to \"auto\", \"poll\" or \"sigio\"");
        // Edge-triggered: it stays readable until the channel's turn comes, and must not spin the loop till then.
        source_ = loop.watch(eventfd_.get(), EPOLLIN | EPOLLET, Loop::Priority::normal,
                             [on_news = std::move(on_news)](std::uint32_t) { on_news(); });
    }

    ~EventfdNotification() override
    {
        // Fails only where the channel is gone, and then there is nothing to take back.
        (void)hand_over(device_, -1);
    }

    [[nodiscard]] Kind kind() const noexcept override { return Kind::eventfd; }

    void clear() override
    {
        eventfd_t count = 0;
        (void)eventfd_read(eventfd_.get(), &count);  // EAGAIN: it was clear
    }

private:
    int device_;
    UniqueFd eventfd_;
    Source source_;
};

}  // namespace

std::unique_ptr<Notification> make_eventfd(const Loop& loop, Device device, OnNews on_news)
{
    return std::make_unique<EventfdNotification>(loop, device, std::move(on_news));
}

}  // namespace drvbus::notification

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "notification/notification.hpp"

#include <system_error>
#include <utility>

namespace drvbus::notification {

std::string_view to_string(Kind kind) noexcept
{
    switch (kind) {
    case Kind::eventfd:
        return "eventfd";
    case Kind::poll:
        return "poll";
    case Kind::sigio:
        return "sigio";
    }
    return "";
}

std::unique_ptr<Notification> make(Kind kind, const EventLoop& loop, SigioDispatcher& dispatcher, Device device,
                                   OnReady on_ready)
{
    switch (kind) {
    case Kind::eventfd:
        return make_eventfd(loop, device, std::move(on_ready));
    case Kind::poll:
        return make_poll(loop, device, std::move(on_ready));
    case Kind::sigio:
        break;
    }
    return make_sigio(dispatcher, device, std::move(on_ready));
}

std::unique_ptr<Notification> make_any(const EventLoop& loop, SigioDispatcher& dispatcher, Device device,
                                       const OnReady& on_ready)
{
    for (const Kind kind : {Kind::eventfd, Kind::poll}) {
        try {
            return make(kind, loop, dispatcher, device, on_ready);
        } catch (const std::system_error&) {
            continue;  // the driver has no ioctl for an eventfd, or no poll()
        }
    }
    try {
        return make_sigio(dispatcher, device, on_ready);
    } catch (const std::system_error& error) {
        throw std::system_error(
            error.code(),
            "the device supports no notification: it accepts no eventfd, cannot be polled, and sends no SIGIO");
    }
}

}  // namespace drvbus::notification

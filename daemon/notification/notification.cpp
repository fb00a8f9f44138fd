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

std::unique_ptr<Notification> make(Kind kind, const Loop& loop, SigioDispatcher& dispatcher, Device device,
                                   OnNews on_news)
{
    switch (kind) {
    case Kind::eventfd:
        return make_eventfd(loop, device, std::move(on_news));
    case Kind::poll:
        return make_poll(loop, device, std::move(on_news));
    case Kind::sigio:
        break;
    }
    return make_sigio(dispatcher, device, std::move(on_news));
}

std::unique_ptr<Notification> make_any(const Loop& loop, SigioDispatcher& dispatcher, Device device,
                                       const OnNews& on_news)
{
    for (const Kind kind : {Kind::eventfd, Kind::poll}) {
        try {
            return make(kind, loop, dispatcher, device, on_news);
        } catch (const std::system_error&) {
            // Not this one: an old-style driver has no ioctl for it, or no poll. The last way says what is wrong.
            continue;
        }
    }
    return make_sigio(dispatcher, device, on_news);
}

}  // namespace drvbus::notification

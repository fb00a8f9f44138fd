// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "base/event_loop.hpp"

namespace drvbus::notification {

class SigioDispatcher;

/// How the daemon learns that a channel has news.
enum class Kind : std::uint8_t { eventfd, poll, sigio };

/// As in the configuration and on the bus: "eventfd", "poll", "sigio".
[[nodiscard]] std::string_view to_string(Kind kind) noexcept;

/// What a device is, as far as notification goes.
struct Device {
    int fd;                    ///< stays the caller's and must outlive the notification; O_NONBLOCK
    bool drvbus_node;          ///< answers drvbus's ioctls (no other device gets one of them)
    int eventfd = -1;          ///< that the driver has already; likewise
    bool urgent_only = false;  ///< poll() tells of news as urgent ones, and of nothing else
};

/// Watches one device until it is destroyed, and says that there may be news: never too rarely, now
/// and then once too often.
class Notification {
public:
    Notification() = default;
    Notification(const Notification&) = delete;
    Notification& operator=(const Notification&) = delete;
    virtual ~Notification() = default;

    [[nodiscard]] virtual Kind kind() const noexcept = 0;

    /// To be called before reading: what comes after it is told anew.
    /// @returns how many times the device has told of news since: exactly for an eventfd, else 0 or 1
    virtual std::uint64_t clear() = 0;
};

using OnReady = std::function<void()>;

/// @throws std::system_error with what the user can do, where the device does not take this notification
[[nodiscard]] std::unique_ptr<Notification> make_eventfd(const EventLoop& loop, Device device, OnReady on_ready);
[[nodiscard]] std::unique_ptr<Notification> make_poll(const EventLoop& loop, Device device, OnReady on_ready);
[[nodiscard]] std::unique_ptr<Notification> make_sigio(SigioDispatcher& dispatcher, Device device, OnReady on_ready);

/// The first of eventfd, poll and sigio that the device takes.
[[nodiscard]] std::unique_ptr<Notification> make_any(const EventLoop& loop, SigioDispatcher& dispatcher, Device device,
                                                     const OnReady& on_ready);

/// The given kind alone.
[[nodiscard]] std::unique_ptr<Notification> make(Kind kind, const EventLoop& loop, SigioDispatcher& dispatcher,
                                                 Device device, OnReady on_ready);

}  // namespace drvbus::notification

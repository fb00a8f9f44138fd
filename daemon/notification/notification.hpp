// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "base/event_loop.hpp"

namespace drvbus::notification {

class SigioDispatcher;

/// How the daemon learns that a device is ready.
enum class Kind : std::uint8_t { eventfd, poll, sigio };

/// As in the configuration and on the bus: "eventfd", "poll", "sigio".
[[nodiscard]] std::string_view to_string(Kind kind) noexcept;

/// The device that a notification watches.
struct Device {
    int fd;                      ///< non-blocking; owned by the caller, must outlive the notification
    bool is_drvbus_class;        ///< a device of class drvbus: an eventfd is registered with DRVBUS_IOC_EVENTFD
    int eventfd = -1;            ///< already registered with the driver; owned by the caller; -1: none
    bool priority_only = false;  ///< the driver reports events with POLLPRI only
};

/// Watches one device until the notification is destroyed. Calls `on_ready` from the event loop each time the device
/// becomes ready. A call may also be spurious.
class Notification {
public:
    Notification() = default;
    Notification(const Notification&) = delete;
    Notification& operator=(const Notification&) = delete;
    virtual ~Notification() = default;

    [[nodiscard]] virtual Kind kind() const noexcept = 0;

    /// Call this before you read the device. A later event causes another call of `on_ready`.
    /// @returns how often the device has notified since the last call: the exact number for an eventfd, else 0 or 1
    virtual std::uint64_t clear() = 0;
};

using OnReady = std::function<void()>;

/// @throws std::system_error, whose text says what to set instead, if the device does not support this notification
[[nodiscard]] std::unique_ptr<Notification> make_eventfd(const EventLoop& loop, Device device, OnReady on_ready);
[[nodiscard]] std::unique_ptr<Notification> make_poll(const EventLoop& loop, Device device, OnReady on_ready);
[[nodiscard]] std::unique_ptr<Notification> make_sigio(SigioDispatcher& dispatcher, Device device, OnReady on_ready);

/// The first of eventfd, poll and sigio that the device supports.
/// @throws std::system_error if it supports none
[[nodiscard]] std::unique_ptr<Notification> make_any(const EventLoop& loop, SigioDispatcher& dispatcher, Device device,
                                                     const OnReady& on_ready);

/// A notification of the given kind.
/// @throws std::system_error if the device does not support it
[[nodiscard]] std::unique_ptr<Notification> make(Kind kind, const EventLoop& loop, SigioDispatcher& dispatcher,
                                                 Device device, OnReady on_ready);

}  // namespace drvbus::notification

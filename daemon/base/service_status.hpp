// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <string>

#include "base/event_loop.hpp"

namespace drvbus::service {

/// Notifications of sd_notify(3). No effect if the process was not started by a service manager.
void notify_ready();
void notify_reloading();
void notify_stopping();

/// Keeps the status line of `systemctl status` up to date. Sends it at most once a second, and only after a change.
class StatusReporter {
public:
    /// @param loop must outlive this object
    /// @param text returns the status line; called from the loop
    StatusReporter(const EventLoop& loop, std::function<std::string()> text);

    /// Call this when the status line may have changed.
    void changed();

private:
    void send();

    std::function<std::string()> text_;
    bool has_service_manager_;
    bool scheduled_ = false;
    EventSource timer_;
};

}  // namespace drvbus::service

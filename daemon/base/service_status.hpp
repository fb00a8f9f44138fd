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

/// Updates the status line that `systemctl status` shows, at most once a second.
class StatusReporter {
public:
    /// @param loop must outlive this object
    /// @param status_line returns the current status line; called from the loop
    StatusReporter(const EventLoop& loop, std::function<std::string()> status_line);

    /// Schedules an update. Call this when the status line may have changed.
    void changed();

private:
    void send();

    std::function<std::string()> status_line_;
    bool has_service_manager_;
    bool scheduled_ = false;
    EventSource timer_;
};

}  // namespace drvbus::service

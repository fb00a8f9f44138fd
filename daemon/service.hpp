// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "loop.hpp"
#include "unique_fd.hpp"

/// What the service manager and the daemon tell each other (sd_notify, passed files).
namespace drvbus::service {

/// Open files that the service manager passed, by their names.
class InheritedFds {
public:
    InheritedFds();

    /// The file called `name`, which is the caller's from then on; none where there is none.
    [[nodiscard]] UniqueFd take(const std::string& name);

private:
    std::map<std::string, UniqueFd> fds_;
};

void notify_ready();
void notify_reloading();
void notify_stopping();

/// The line that `systemctl status` shows. Follows changes at most once a second, and costs nothing without any.
class Status {
public:
    /// @param text makes the line
    Status(const Loop& loop, std::function<std::string()> text);

    /// The line may have changed.
    void touch();

private:
    void send();

    std::function<std::string()> text_;
    bool wanted_;  ///< somebody listens
    bool due_ = false;
    Source timer_;
};

}  // namespace drvbus::service

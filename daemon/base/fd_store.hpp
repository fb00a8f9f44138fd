// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/event_loop.hpp"
#include "base/unique_fd.hpp"

/// What the service manager and the daemon tell each other (sd_notify, passed files).
namespace drvbus::service {

/// Files of a channel that outlive this process: its open device, the eventfd that the driver has, and the ledger of
/// what came of it.
struct Kept {
    UniqueFd device;
    UniqueFd eventfd;
    UniqueFd ledger;
};

/// Which of them.
enum class Part : std::uint8_t { device, eventfd, ledger };

/// Open files that the service manager passed.
class InheritedFds {
public:
    InheritedFds();

    /// The file called `name`, opened once more for the caller; none where there is none.
    [[nodiscard]] UniqueFd open(const std::string& name) const;

    /// What an earlier process gave to `keep`, by channel; once.
    [[nodiscard]] std::map<std::string, Kept> take_kept();

private:
    std::map<std::string, UniqueFd> fds_;
    std::map<std::string, Kept> kept_;
};

/// Whether there is somebody to `keep` files: then a device stays open when this process ends.
[[nodiscard]] bool keeps();

/// Gives the file to the service manager, which passes it to the next process of this service. One that is
/// there has to be dropped first.
void keep(Part part, const std::string& channel, int fd);

/// The service manager closes the file that it has.
void drop(Part part, const std::string& channel);

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

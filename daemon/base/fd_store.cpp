// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/fd_store.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include "base/errno.hpp"

namespace drvbus::service {

namespace {

// The FDNAME= of a stored file is such a prefix and the name of the channel. Names of channels contain no dot.
constexpr std::string_view kDevicePrefix = "device.";
constexpr std::string_view kEventfdPrefix = "eventfd.";
constexpr std::string_view kCheckpointPrefix = "checkpoint.";

std::string_view prefix_of(StoredFdKind which)
{
    switch (which) {
    case StoredFdKind::device:
        return kDevicePrefix;
    case StoredFdKind::eventfd:
        return kEventfdPrefix;
    default:
        return kCheckpointPrefix;
    }
}

std::string fd_name(StoredFdKind which, const std::string& channel)
{
    return fmt::format("{}{}", prefix_of(which), channel);
}

}  // namespace

InheritedFds::InheritedFds()
{
    char** names = nullptr;
    const int count = check(sd_listen_fds_with_names(1, &names), "sd_listen_fds_with_names");
    for (int i = 0; i < count; ++i) {
        UniqueFd fd(SD_LISTEN_FDS_START + i);
        const std::string name = names[i];
        if (name.starts_with(kDevicePrefix))
            stored_[name.substr(kDevicePrefix.size())].device = std::move(fd);
        else if (name.starts_with(kEventfdPrefix))
            stored_[name.substr(kEventfdPrefix.size())].eventfd = std::move(fd);
        else if (name.starts_with(kCheckpointPrefix))
            stored_[name.substr(kCheckpointPrefix.size())].checkpoint = std::move(fd);
        else
            fds_.insert_or_assign(name, std::move(fd));
        std::free(names[i]);
    }
    std::free(names);
}

UniqueFd InheritedFds::open(const std::string& name) const
{
    const auto found = fds_.find(name);
    if (found == fds_.end())
        return {};
    UniqueFd copy(fcntl(found->second.get(), F_DUPFD_CLOEXEC, 0));
    check(copy ? 0 : -errno, "F_DUPFD_CLOEXEC");
    return copy;
}

std::map<std::string, StoredFds> InheritedFds::take_stored()
{
    return std::exchange(stored_, {});
}

bool can_store_fds()
{
    return std::getenv("NOTIFY_SOCKET") != nullptr;
}

void store_fd(StoredFdKind which, const std::string& channel, int fd)
{
    // With FDPOLL=1, the service manager would close a device that hung up. Such a device may still have events.
    const std::string message = fmt::format("FDSTORE=1\nFDPOLL=0\nFDNAME={}", fd_name(which, channel));
    if (const int result = sd_pid_notify_with_fds(0, 0, message.c_str(), &fd, 1); result < 0)
        spdlog::warn("channel {}: the service manager did not store a file that the next process needs ({}); "
                     "after a restart, events may be published again, or input that is not published yet may be lost",
                     channel, std::strerror(-result));
}

void remove_fd(StoredFdKind which, const std::string& channel)
{
    sd_notify(0, fmt::format("FDSTOREREMOVE=1\nFDNAME={}", fd_name(which, channel)).c_str());
}

}  // namespace drvbus::service

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/fd_store.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <set>
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

// The FDNAME= of the files that the service manager has, and of those for which it had no space.
std::set<std::string> stored_names;
std::set<std::string> refused_names;

/// Number of files that the service manager stores.
std::size_t capacity()
{
    for (const char* const variable : {"FDSTORE", "DRVBUS_FD_STORE_MAX"}) {
        std::size_t count = 0;
        const char* const value = std::getenv(variable);
        const std::string_view text = value == nullptr ? "" : value;
        if (!text.empty() && std::from_chars(text.data(), text.data() + text.size(), count).ec == std::errc())
            return count;
    }
    return SIZE_MAX;
}

}  // namespace

InheritedFds::InheritedFds()
{
    char** names = nullptr;
    const int count = check(sd_listen_fds_with_names(1, &names), "sd_listen_fds_with_names");
    for (int i = 0; i < count; ++i) {
        UniqueFd fd(SD_LISTEN_FDS_START + i);
        const std::string name = names[i];
        if (name.find('.') != std::string::npos)
            stored_names.insert(name);
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
    const std::string name = fd_name(which, channel);
    if (stored_names.size() >= capacity()) {
        refused_names.insert(name);
        return;
    }
    stored_names.insert(name);
    // With FDPOLL=1, the service manager would close a device that hung up. Such a device may still have events.
    const std::string message = fmt::format("FDSTORE=1\nFDPOLL=0\nFDNAME={}", name);
    if (const int result = sd_pid_notify_with_fds(0, 0, message.c_str(), &fd, 1); result < 0)
        spdlog::warn("channel {}: the service manager did not store a file that the next process needs ({}); "
                     "after a restart, events may be published again, or input that is not published yet may be lost",
                     channel, std::strerror(-result));
}

bool is_incomplete(const std::string& channel)
{
    return std::ranges::any_of(std::array{StoredFdKind::device, StoredFdKind::eventfd, StoredFdKind::checkpoint},
                               [&](StoredFdKind which) { return refused_names.contains(fd_name(which, channel)); });
}

void remove_fd(StoredFdKind which, const std::string& channel)
{
    stored_names.erase(fd_name(which, channel));
    refused_names.erase(fd_name(which, channel));
    sd_notify(0, fmt::format("FDSTOREREMOVE=1\nFDNAME={}", fd_name(which, channel)).c_str());
}

}  // namespace drvbus::service

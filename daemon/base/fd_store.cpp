// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/fd_store.hpp"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

namespace drvbus::service {

namespace {

// Names in the service manager's store. No channel has a dot in its name.
constexpr std::string_view kDevice = "device.";
constexpr std::string_view kEventfd = "eventfd.";
constexpr std::string_view kLedger = "ledger.";

std::string name_in_store(Part part, const std::string& channel)
{
    return fmt::format("{}{}", part == Part::device ? kDevice : part == Part::eventfd ? kEventfd : kLedger, channel);
}

}  // namespace

InheritedFds::InheritedFds()
{
    char** names = nullptr;
    const int count = check(sd_listen_fds_with_names(1, &names), "sd_listen_fds_with_names");
    for (int i = 0; i < count; ++i) {
        UniqueFd fd(SD_LISTEN_FDS_START + i);
        const std::string name = names[i];
        if (name.starts_with(kDevice))
            kept_[name.substr(kDevice.size())].device = std::move(fd);
        else if (name.starts_with(kEventfd))
            kept_[name.substr(kEventfd.size())].eventfd = std::move(fd);
        else if (name.starts_with(kLedger))
            kept_[name.substr(kLedger.size())].ledger = std::move(fd);
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

std::map<std::string, Kept> InheritedFds::take_kept()
{
    return std::exchange(kept_, {});
}

bool keeps()
{
    return std::getenv("NOTIFY_SOCKET") != nullptr;
}

void keep(Part part, const std::string& channel, int fd)
{
    // FDPOLL=0: a channel that hung up may still hold events.
    const std::string message = fmt::format("FDSTORE=1\nFDPOLL=0\nFDNAME={}", name_in_store(part, channel));
    if (const int result = sd_pid_notify_with_fds(0, 0, message.c_str(), &fd, 1); result < 0)
        spdlog::warn("channel {}: the service manager did not take what outlives a restart ({}); after one, events "
                     "that the channel still holds come again",
                     channel, std::strerror(-result));
}

void drop(Part part, const std::string& channel)
{
    sd_notify(0, fmt::format("FDSTOREREMOVE=1\nFDNAME={}", name_in_store(part, channel)).c_str());
}

void notify_ready()
{
    sd_notify(0, "READY=1");
}

void notify_reloading()
{
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const auto usec =
        static_cast<std::uint64_t>(now.tv_sec) * 1'000'000U + static_cast<std::uint64_t>(now.tv_nsec) / 1000U;
    sd_notify(0, fmt::format("RELOADING=1\nMONOTONIC_USEC={}", usec).c_str());
}

void notify_stopping()
{
    sd_notify(0, "STOPPING=1");
}

Status::Status(const Loop& loop, std::function<std::string()> text)
    : text_(std::move(text)), wanted_(std::getenv("NOTIFY_SOCKET") != nullptr),
      timer_(loop.timer(Loop::Priority::normal, [this] { send(); }))
{
}

void Status::touch()
{
    if (!wanted_ || due_)
        return;
    due_ = true;
    Loop::start(timer_, std::chrono::seconds(1));
}

void Status::send()
{
    due_ = false;
    sd_notify(0, fmt::format("STATUS={}", text_()).c_str());
}

}  // namespace drvbus::service

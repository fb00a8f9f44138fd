// SPDX-License-Identifier: LGPL-2.1-or-later
#include "service.hpp"

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

namespace drvbus::service {

InheritedFds::InheritedFds()
{
    char** names = nullptr;
    const int count = check(sd_listen_fds_with_names(1, &names), "sd_listen_fds_with_names");
    for (int i = 0; i < count; ++i) {
        fds_.insert_or_assign(names[i], UniqueFd(SD_LISTEN_FDS_START + i));
        std::free(names[i]);
    }
    std::free(names);
}

UniqueFd InheritedFds::take(const std::string& name)
{
    const auto found = fds_.find(name);
    return found == fds_.end() ? UniqueFd() : std::move(found->second);
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
      timer_(loop.timer(Loop::Priority::idle, [this] { send(); }))
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

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/service_status.hpp"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <utility>

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

namespace drvbus::service {

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

StatusReporter::StatusReporter(const EventLoop& loop, std::function<std::string()> status_line)
    : status_line_(std::move(status_line)), has_service_manager_(std::getenv("NOTIFY_SOCKET") != nullptr),
      timer_(loop.timer(EventLoop::Priority::normal, [this] { send(); }))
{
}

void StatusReporter::changed()
{
    if (!has_service_manager_ || scheduled_)
        return;
    scheduled_ = true;
    EventLoop::start(timer_, std::chrono::seconds(1));
}

void StatusReporter::send()
{
    scheduled_ = false;
    sd_notify(0, fmt::format("STATUS={}", status_line_()).c_str());
}

}  // namespace drvbus::service

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/log_limiter.hpp"

#include <spdlog/spdlog.h>

namespace drvbus {

LogLimiter::LogLimiter(const EventLoop& loop, std::chrono::milliseconds interval)
    : interval_(interval), timer_(loop.timer(EventLoop::Priority::normal, [this] { write_totals(); }))
{
}

LogLimiter::~LogLimiter()
{
    write_totals();
}

bool LogLimiter::admit(std::string_view subject, Level level, std::uint64_t count)
{
    if (!spdlog::should_log(level))
        return false;
    if (windows_.empty())
        EventLoop::start(timer_, interval_);
    auto found = windows_.find(subject);
    if (found == windows_.end())
        found = windows_.emplace(subject, Window{}).first;
    Window& window = found->second;
    if (window.written < kLines) {
        ++window.written;
        return true;
    }
    window.omitted += count;
    window.level = level;
    return false;
}

void LogLimiter::write(std::string_view subject, Level level, const std::string& line)
{
    if (admit(subject, level))
        spdlog::log(level, "{}", line);
    else if (const auto found = windows_.find(subject); found != windows_.end())
        found->second.last_line = line;
}

void LogLimiter::write_totals()
{
    for (const auto& [subject, window] : windows_) {
        if (window.omitted > 0)
            spdlog::log(window.level, "{}: {} more, which were not logged one by one{}{}", subject, window.omitted,
                        window.last_line.empty() ? "" : "; the last one: ", window.last_line);
    }
    windows_.clear();
}

}  // namespace drvbus

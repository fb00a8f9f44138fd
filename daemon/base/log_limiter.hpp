// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <spdlog/common.h>

#include "base/event_loop.hpp"

namespace drvbus {

/// Limits the log lines that devices and programs on the bus can cause. In each interval, the first lines about a
/// subject are written at once. Further lines are only counted. Their total is written at the end of the interval, also
/// if nothing follows, and when this object is destroyed.
///
/// A subject is the beginning of the line with the total, such as "channel gps: lost events".
class LogLimiter {
public:
    using Level = spdlog::level::level_enum;

    static constexpr std::uint64_t kLines = 5;  ///< lines about one subject that are written in an interval

    /// @param loop must outlive this object
    /// @param interval begins with the first line
    explicit LogLimiter(const EventLoop& loop, std::chrono::milliseconds interval = std::chrono::seconds(30));
    LogLimiter(const LogLimiter&) = delete;
    LogLimiter& operator=(const LogLimiter&) = delete;
    ~LogLimiter();

    /// Whether the caller has to write its line about `subject` now. If not, this costs one search in a map.
    /// @param count how much the line adds to the total
    [[nodiscard]] bool admit(std::string_view subject, Level level, std::uint64_t count = 1);

    /// Writes `line` if `admit` allows it. Otherwise, the line with the total quotes the last line that was not
    /// written, because it may say how a state is now.
    void write(std::string_view subject, Level level, const std::string& line);

private:
    struct Window {
        std::uint64_t written = 0;  ///< lines
        std::uint64_t omitted = 0;  ///< total of the lines that were not written
        Level level = Level::info;  ///< of the last line that was not written
        std::string last_line;
    };

    void write_totals();

    std::map<std::string, Window, std::less<>> windows_;  ///< by subject, for the current interval
    std::chrono::milliseconds interval_;
    EventSource timer_;
};

}  // namespace drvbus

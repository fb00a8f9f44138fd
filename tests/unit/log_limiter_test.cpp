// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/log_limiter.hpp"

#include <memory>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include "turn.hpp"

namespace drvbus::test {
namespace {

class LimitedLog : public testing::Test {
protected:
    LimitedLog()
    {
        auto logger = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(text_));
        logger->set_pattern("%l %v");
        spdlog::set_default_logger(logger);
    }
    ~LimitedLog() override { spdlog::set_default_logger(before_); }
    LimitedLog(const LimitedLog&) = delete;
    LimitedLog& operator=(const LimitedLog&) = delete;

    /// Writes lines about `subject`, each of which stands for `count` things.
    void write(LogLimiter& log, const std::string& subject, int lines, std::uint64_t count = 1)
    {
        for (int line = 0; line < lines; ++line) {
            if (log.admit(subject, spdlog::level::warn, count))
                spdlog::warn("{} of {}", count, subject);
        }
    }

    /// The text since the last call.
    std::string text()
    {
        std::string text = text_.str();
        text_.str("");
        return text;
    }

    static constexpr std::chrono::hours kLong{1};
    const std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
    std::ostringstream text_;
    EventLoop loop_;
};

TEST_F(LimitedLog, FirstLinesOfEachSubjectAreWrittenAtOnce)
{
    LogLimiter log(loop_, kLong);
    write(log, "a", 7);
    EXPECT_EQ(text(), "warning 1 of a\nwarning 1 of a\nwarning 1 of a\nwarning 1 of a\nwarning 1 of a\n");
    write(log, "b", 1, 3);
    EXPECT_EQ(text(), "warning 3 of b\n");
}

TEST_F(LimitedLog, TotalFollowsAtTheEndOfTheIntervalAndTheNextOneBegins)
{
    LogLimiter log(loop_, std::chrono::milliseconds(1));
    write(log, "a", 10, 4);
    write(log, "b", 5);
    (void)text();
    EXPECT_TRUE(turn_until(loop_, [this] { return !text_.str().empty(); }));
    EXPECT_EQ(text(), "warning a: 20 more, which were not logged one by one\n");
    write(log, "a", 1);
    EXPECT_EQ(text(), "warning 1 of a\n");
}

TEST_F(LimitedLog, TotalFollowsWhenTheDaemonEnds)
{
    {
        LogLimiter log(loop_, kLong);
        write(log, "a", 6);
        (void)text();
    }
    EXPECT_EQ(text(), "warning a: 1 more, which were not logged one by one\n");
}

TEST_F(LimitedLog, TotalQuotesTheLastLineThatWasNotWritten)
{
    {
        LogLimiter log(loop_, kLong);
        for (const char* const line : {"1", "2", "3", "4", "5", "6", "7"})
            log.write("a", spdlog::level::err, line);
        EXPECT_EQ(text(), "error 1\nerror 2\nerror 3\nerror 4\nerror 5\n");
    }
    EXPECT_EQ(text(), "error a: 2 more, which were not logged one by one; the last one: 7\n");
}

TEST_F(LimitedLog, LinesBelowTheLogLevelAreNotCounted)
{
    {
        LogLimiter log(loop_, kLong);
        for (int line = 0; line < 10; ++line)
            log.write("a", spdlog::level::debug, "line");
    }
    EXPECT_EQ(text(), "");
}

}  // namespace
}  // namespace drvbus::test

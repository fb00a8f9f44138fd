// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The attributes of a channel in sysfs, and the tracepoint.
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kmod_node.hpp"
#include "sim.hpp"
#include "support/io.hpp"
#include "support/process.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

class KmodSysfs : public testing::Test {};

std::string attribute(const std::string& name)
{
    return read_file("/sys/class/drvbus/sysfs/" + name);
}

TEST_F(KmodSysfs, SettingsAreShown)
{
    SimChannel::Settings settings;
    settings.depth = 3;
    settings.payload_size = 5;
    settings.format = "u32 count; u8 rest[]";
    settings.event_names = "1 reading,2 overheat";
    const SimChannel channel("sysfs", settings);

    EXPECT_EQ(attribute("depth"), "3\n");
    EXPECT_EQ(attribute("payload_size"), "5\n");
    EXPECT_EQ(attribute("format"), "u32 count; u8 rest[]\n");
    EXPECT_EQ(attribute("event_names"), "1 reading\n2 overheat\n");
    struct stat node = {};
    ASSERT_EQ(stat(channel.node().c_str(), &node), 0);
    EXPECT_TRUE(S_ISCHR(node.st_mode));
}

TEST_F(KmodSysfs, MissingTextsAreEmpty)
{
    const SimChannel channel("sysfs");
    EXPECT_EQ(attribute("format"), "");
    EXPECT_EQ(attribute("event_names"), "");
}

TEST_F(KmodSysfs, CountersCountEventsAndClients)
{
    SimChannel::Settings settings;
    settings.depth = 4;
    const SimChannel channel("sysfs", settings);
    EXPECT_EQ(attribute("events"), "0\n");
    EXPECT_EQ(attribute("overwritten"), "0\n");
    EXPECT_EQ(attribute("readers"), "0\n");

    ASSERT_EQ(channel.burst(4), 0);
    EXPECT_EQ(attribute("events"), "4\n");
    EXPECT_EQ(attribute("overwritten"), "0\n");
    {
        const Node first(channel);
        EXPECT_EQ(attribute("readers"), "1\n");
        const Node second(channel);
        const UniqueFd same(must(dup(second.fd()), "dup"));
        EXPECT_EQ(attribute("readers"), "2\n") << "a client is an open file, not a descriptor";
        ASSERT_EQ(first.read().size(), 4U);
    }
    EXPECT_EQ(attribute("readers"), "0\n");
    ASSERT_EQ(channel.burst(3), 0);
    EXPECT_EQ(attribute("events"), "7\n");
    EXPECT_EQ(attribute("overwritten"), "3\n") << "including events that had been read";
}

/// Records the tracepoint of drvbus_emit() for its lifetime.
class Trace {
public:
    Trace()
    {
        if (access((kRoot + "/trace").c_str(), F_OK) != 0) {
            const Result result = run({"mount", "-t", "tracefs", "tracefs", kRoot});
            if (result.status != 0)
                throw std::runtime_error("no tracefs: " + result.output);
        }
        // Opening the file with O_TRUNC clears the trace.
        const UniqueFd cleared(must(open((kRoot + "/trace").c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC), "trace"));
        must(-write_file(kRoot + kEnable, "1"), kEnable);
    }
    Trace(const Trace&) = delete;
    Trace& operator=(const Trace&) = delete;
    ~Trace() { write_file(kRoot + kEnable, "0"); }

    /// @returns the recorded lines of one channel
    [[nodiscard]] static std::vector<std::string> lines(const std::string& channel)
    {
        std::vector<std::string> found;
        std::istringstream stream(read_file(kRoot + "/trace"));
        for (std::string line; std::getline(stream, line);)
            if (line.find("drvbus_emit: channel=" + channel + " ") != std::string::npos)
                found.push_back(line);
        return found;
    }

private:
    inline static const std::string kRoot = "/sys/kernel/tracing";
    inline static constexpr const char* kEnable = "/events/drvbus/drvbus_emit/enable";
};

TEST_F(KmodSysfs, TracepointReportsEachEvent)
{
    const SimChannel channel("sysfs");
    const SimChannel other("sysfs-2");
    ASSERT_EQ(channel.emit(1), 0) << "before the trace";
    const Trace trace;
    ASSERT_EQ(channel.emit(7, "010203", true), 0);
    ASSERT_EQ(other.emit(5), 0);
    ASSERT_EQ(channel.emit(4294967295U), 0);

    const auto lines = Trace::lines("sysfs");
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_TRUE(lines.at(0).ends_with("channel=sysfs sequence=2 id=7 flags=0x1 length=3")) << lines.at(0);
    EXPECT_TRUE(lines.at(1).ends_with("channel=sysfs sequence=3 id=4294967295 flags=0x0 length=0")) << lines.at(1);
    EXPECT_EQ(Trace::lines("sysfs-2").size(), 1U);
}

TEST_F(KmodSysfs, GeneratorEmitsInHardInterruptContext)
{
    const SimChannel channel("sysfs");
    const Trace trace;
    ASSERT_EQ(channel.set("rate", "100"), 0);
    ASSERT_TRUE(wait_until([&] { return channel.sysfs("events") >= 3; }));
    ASSERT_EQ(channel.set("rate", "0"), 0);

    const auto lines = Trace::lines("sysfs");
    ASSERT_EQ(lines.size(), channel.sysfs("events"));
    // TASK-PID [CPU] irqs-off, need-resched, hardirq/softirq ('h' or 'H' in a hard interrupt), ...
    for (const std::string& line : lines)
        EXPECT_TRUE(std::regex_search(line, std::regex(R"(\] ..[hH])"))) << line;
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Subscribers that do not read do not keep other programs of their user waiting.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "service.hpp"
#include "sim.hpp"
#include "support/process.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

using Clock = std::chrono::steady_clock;

/// Reads a property of the daemon as root. @returns how long it took; negative: it failed
std::chrono::milliseconds time_of_call(sd_bus* bus)
{
    const auto begin = Clock::now();
    char* version = nullptr;
    const int result = sd_bus_get_property_string(bus, "org.drvbus1", "/org/drvbus1", "org.drvbus1.Manager", "Version",
                                                  nullptr, &version);
    std::free(version);
    if (result < 0)
        return std::chrono::milliseconds(-1);
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
}

// On dbus-broker, the messages for the stopped subscribers count against a quota that drvbusd has at their user.
TEST(Callers, StoppedSubscribersOfAUserDoNotKeepItsCallsWaiting)
{
    // dbus-daemon accepts no more events when those that wait for the subscribers reach max_incoming_bytes.
    const int bursts = std::filesystem::exists("/usr/bin/dbus-broker-launch") ? 4 : 1;
    SimChannel::Settings settings;
    settings.depth = 32768;
    settings.payload_size = 1024;
    const SimChannel channel("one", settings);
    ASSERT_TRUE(wait_for_channel("one"));
    std::deque<Process> subscribers;
    for (int i = 0; i < 2; ++i) {
        subscribers.emplace_back(std::vector<std::string>{"gdbus", "monitor", "--system", "--dest", "org.drvbus1"});
        ASSERT_TRUE(wait_until([&] { return subscribers.back().output().find("is owned by") != std::string::npos; }));
    }
    for (const Process& subscriber : subscribers)
        subscriber.stop();
    for (int burst = 1; burst <= bursts; ++burst) {
        ASSERT_EQ(channel.burst(20'000), 0);
        const std::uint64_t next = channel.sysfs("events") + 1;
        std::chrono::milliseconds longest{0};
        int calls = 0;
        int failed = 0;
        const bool published = wait_until([&] {
            const Bus bus = connect_as("root");
            const std::chrono::milliseconds took = bus ? time_of_call(bus.get()) : std::chrono::milliseconds(-1);
            ++calls;
            failed += took.count() < 0 ? 1 : 0;
            longest = std::max(longest, took);
            return next_sequence("one") == next;
        });
        std::printf("burst %d: %d calls, longest %jd ms\n", burst, calls, static_cast<std::intmax_t>(longest.count()));
        EXPECT_TRUE(published);
        EXPECT_EQ(failed, 0);
    }
    for (const Process& subscriber : subscribers)
        subscriber.resume();
}

}  // namespace
}  // namespace drvbus::test

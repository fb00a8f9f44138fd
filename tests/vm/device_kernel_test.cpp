// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Presets on devices of the kernel itself: its log, and memory pressure.
#include <algorithm>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "configured_devices.hpp"
#include "support/process.hpp"
#include "support/subscriber.hpp"

namespace drvbus::test {
namespace {

using testing::HasSubstr;

TEST(Kmsg, KernelLogLineIsAnEvent)
{
    const ConfiguredDevices devices("[[channel]]\nname = \"log\"\npreset = \"kmsg\"\n");
    ASSERT_EQ(reason_in_state("online", "log"), "");
    const Subscriber subscriber("log");
    // Without the newline the kernel holds the line back until the next one.
    ASSERT_EQ(write_file("/dev/kmsg", "<4>drvbus: a word, and; another\n"), 0);
    const auto is_test_line = [](const Event& event) {
        return event.fields().at("text").get<std::string>() == "drvbus: a word, and; another";
    };
    // The kernel and systemd write to the log as well.
    ASSERT_TRUE(
        subscriber.wait([&](const Received& received) { return std::ranges::any_of(received.events, is_test_line); }));
    const std::vector<Event> events = subscriber.received().events;
    const Event event = *std::ranges::find_if(events, is_test_line);
    EXPECT_EQ(event.name, "user.warning");
    EXPECT_EQ(event.fields().at("priority").get<std::uint32_t>(), 12U);
    EXPECT_GT(event.fields().at("record").get<std::uint64_t>(), 0U);
    // The clock of the log is not exactly CLOCK_MONOTONIC, and no event is later than its reading.
    EXPECT_NEAR(static_cast<double>(event.time) / 1e9,
                static_cast<double>(event.fields().at("time_us").get<std::uint64_t>()) / 1e6, 1.0);
}

TEST(Kmsg, KeysOfAMessageOfADeviceDriverAreADictionary)
{
    const Subscriber subscriber("log");
    const ConfiguredDevices devices("[[channel]]\nname = \"log\"\npreset = \"kmsg\"\nfrom_begin = true\n");
    ASSERT_EQ(reason_in_state("online", "log"), "");
    // The kernel has logged the PCI devices that it found at boot.
    const auto is_of_pci = [](const Event& event) {
        const auto keys = event.fields().at("keys").get<std::map<std::string, std::string>>();
        const auto subsystem = keys.find("SUBSYSTEM");
        return subsystem != keys.end() && subsystem->second == "pci" && keys.at("DEVICE").starts_with("+pci:") &&
               event.name.starts_with("kern.");
    };
    EXPECT_TRUE(
        subscriber.wait([&](const Received& received) { return std::ranges::any_of(received.events, is_of_pci); }));
    EXPECT_EQ(subscriber.channel().FormatMismatches(), 0U);
}

TEST(Psi, MemoryPressureIsAnEvent)
{
    const ConfiguredDevices devices(
        "[[channel]]\nname = \"pressure\"\npreset = \"psi\"\nstall_us = 50000\nwindow_us = 1000000\n");
    ASSERT_EQ(reason_in_state("online", "pressure"), "");
    const Subscriber subscriber("pressure");
    EXPECT_EQ(subscriber.channel().Notification(), "poll");
    EXPECT_EQ(subscriber.channel().EventsPublished(), 0U);
    // MemoryHigh= throttles a process that allocates more: it stalls on memory.
    const Process allocating({"systemd-run", "--scope", "--quiet", "-p", "MemoryHigh=16M", "python3", "-c",
                              "blocks = []\nwhile True: blocks.append(bytearray(1 << 20))"});
    ASSERT_TRUE(subscriber.wait_for(1)) << allocating.output();
    const Event event = subscriber.received().events.front();
    EXPECT_EQ(event.name, "some");
    EXPECT_EQ(event.fields().at("stall_us").get<std::uint32_t>(), 50000U);
    EXPECT_THAT(event.fields().at("text").get<std::string>(), HasSubstr("some avg10="));
}

}  // namespace
}  // namespace drvbus::test

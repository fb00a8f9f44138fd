// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Presets on what the kernel tells of itself: its log, and the pressure on memory.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bridged.hpp"
#include "support/process.hpp"
#include "support/subscriber.hpp"

namespace drvbus::test {
namespace {

using testing::HasSubstr;

TEST(Kmsg, ALineOfTheKernelsLogIsAnEvent)
{
    const Bridged bridged("[[channel]]\nname = \"log\"\npreset = \"kmsg\"\n");
    ASSERT_EQ(reason_when("online", "log"), "");
    const Subscriber subscriber("log");
    // Without the newline the kernel shows it to nobody before the next line.
    ASSERT_EQ(write_file("/dev/kmsg", "<4>drvbus: a word, and; another\n"), 0);
    const auto is_it = [](const Event& event) {
        return event.fields().at("text").get<std::string>() == "drvbus: a word, and; another";
    };
    // Others write there as well.
    ASSERT_TRUE(subscriber.wait([&](const Heard& heard) { return std::ranges::any_of(heard.events, is_it); }));
    const std::vector<Event> events = subscriber.heard().events;
    const Event event = *std::ranges::find_if(events, is_it);
    EXPECT_EQ(event.name, "user.warning");
    EXPECT_EQ(event.fields().at("priority").get<std::uint32_t>(), 12U);
    EXPECT_GT(event.fields().at("record").get<std::uint64_t>(), 0U);
    // The kernel cuts nanoseconds off; both are of the clock that runs since the start.
    EXPECT_EQ(event.time / 1000, event.fields().at("time_us").get<std::uint64_t>());
}

TEST(Psi, PressureOnMemoryIsAnEvent)
{
    const Bridged bridged(
        "[[channel]]\nname = \"pressure\"\npreset = \"psi\"\nstall_us = 50000\nwindow_us = 1000000\n");
    ASSERT_EQ(reason_when("online", "pressure"), "");
    const Subscriber subscriber("pressure");
    EXPECT_EQ(subscriber.channel().Notification(), "poll");
    EXPECT_EQ(subscriber.channel().EventsPublished(), 0U);
    // It may have no more than a part of what it wants, and so waits for memory again and again.
    const Process hungry({"systemd-run", "--scope", "--quiet", "-p", "MemoryHigh=16M", "python3", "-c",
                          "held = []\nwhile True: held.append(bytearray(1 << 20))"});
    ASSERT_TRUE(subscriber.wait_for(1)) << hungry.output();
    const Event event = subscriber.heard().events.front();
    EXPECT_EQ(event.name, "some");
    EXPECT_EQ(event.fields().at("stall_us").get<std::uint32_t>(), 50000U);
    EXPECT_THAT(event.fields().at("text").get<std::string>(), HasSubstr("some avg10="));
}

}  // namespace
}  // namespace drvbus::test

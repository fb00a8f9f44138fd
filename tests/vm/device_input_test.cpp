// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The preset evdev, on devices made with uinput.
#include <cerrno>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/input.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "configured_devices.hpp"
#include "device_uinput.hpp"
#include "service.hpp"
#include "support/io.hpp"
#include "support/process.hpp"
#include "support/subscriber.hpp"

namespace drvbus::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::vector<int> kButtons{KEY_POWER, KEY_VOLUMEUP};

std::string input_channel(const std::string& device_name, const std::string& settings = {})
{
    return "[[channel]]\nname = \"keys\"\npreset = \"evdev\"\n"
           "match = { subsystem = \"input\", sysname = \"glob:event*\", attributes = { \"device/name\" = \"" +
           device_name + "\" } }\n" + settings;
}

std::vector<std::string> names_and_values(const Subscriber& subscriber)
{
    std::vector<std::string> names;
    for (const Event& event : subscriber.received().events)
        names.push_back(event.name + "=" + std::to_string(event.fields().at("value").get<std::int32_t>()));
    return names;
}

std::uint64_t monotonic_ns()
{
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

class Input : public testing::TestWithParam<const char*> {
protected:
    static std::string notification() { return "notification = \"" + std::string(GetParam()) + "\"\n"; }
};

TEST_P(Input, KeyIsAnEventWithItsLibevdevName)
{
    const UinputDevice buttons("drvbus buttons", kButtons);
    const ConfiguredDevices devices(input_channel("drvbus buttons", notification()));
    ASSERT_EQ(reason_in_state("online", "keys"), "");
    const Subscriber subscriber("keys");
    EXPECT_EQ(subscriber.channel().Notification(), GetParam());
    EXPECT_EQ(subscriber.channel().Device(), buttons.node());

    const std::uint64_t before = monotonic_ns();
    buttons.key(KEY_POWER, true);
    buttons.key(KEY_POWER, false);
    buttons.key(KEY_VOLUMEUP, true);
    const std::uint64_t after = monotonic_ns();
    ASSERT_TRUE(subscriber.wait_for(3));
    EXPECT_THAT(names_and_values(subscriber), ElementsAre("KEY_POWER=1", "KEY_POWER=0", "KEY_VOLUMEUP=1"));
    const std::vector<Event> events = subscriber.received().events;
    EXPECT_EQ(subscriber.received().gaps(3), "");
    EXPECT_EQ(events[0].id, 0x10000U + KEY_POWER);
    EXPECT_EQ(events[0].fields().at("type").get<std::uint16_t>(), EV_KEY);
    EXPECT_EQ(events[0].fields().at("code").get<std::uint16_t>(), KEY_POWER);
    EXPECT_EQ(events[0].fields().size(), 3U);
    EXPECT_GE(events[0].time, before / 1000 * 1000) << "evdev times are in microseconds";
    EXPECT_LE(events[2].time, after);
}

TEST_P(Input, DeviceThatIsReconnectedKeepsItsChannel)
{
    std::optional<UinputDevice> buttons;
    buttons.emplace("drvbus buttons", kButtons);
    const ConfiguredDevices devices(input_channel("drvbus buttons", notification()));
    ASSERT_EQ(reason_in_state("online", "keys"), "");
    const Subscriber subscriber("keys");
    const std::string first_node = buttons->node();
    buttons->key(KEY_POWER, true);
    buttons->key(KEY_POWER, false);  // or the kernel reports the release when the device is removed
    ASSERT_TRUE(subscriber.wait_for(2));

    buttons.reset();
    EXPECT_THAT(reason_in_state("absent", "keys"), HasSubstr("drvbus buttons"));
    // The next device gets the node of the removed one.
    const UinputDevice other("another device", kButtons);
    EXPECT_EQ(other.node(), first_node);
    buttons.emplace("drvbus buttons", kButtons);
    ASSERT_EQ(reason_in_state("online", "keys"), "");
    EXPECT_EQ(subscriber.channel().Device(), buttons->node());
    EXPECT_NE(subscriber.channel().Device(), first_node);
    other.key(KEY_POWER, true);
    buttons->key(KEY_VOLUMEUP, true);
    ASSERT_TRUE(subscriber.wait_for(3));
    EXPECT_THAT(names_and_values(subscriber), ElementsAre("KEY_POWER=1", "KEY_POWER=0", "KEY_VOLUMEUP=1"));
    EXPECT_EQ(subscriber.received().gaps(3), "");
}

TEST_P(Input, EventsThatTheKernelDroppedAreAnnounced)
{
    const UinputDevice buttons("drvbus buttons", kButtons);
    const ConfiguredDevices devices(input_channel("drvbus buttons", notification()));
    ASSERT_EQ(reason_in_state("online", "keys"), "");
    const Subscriber subscriber("keys");
    buttons.key(KEY_POWER, true);
    ASSERT_TRUE(subscriber.wait_for(1));

    const pid_t daemon = daemon_pid();
    ASSERT_EQ(kill(daemon, SIGSTOP), 0);
    for (int press = 0; press < 200; ++press)  // more than the buffer of the device holds
        buttons.key(KEY_VOLUMEUP, press % 2 == 0);
    ASSERT_EQ(kill(daemon, SIGCONT), 0);
    ASSERT_TRUE(subscriber.wait([](const Received& received) { return !received.lost.empty(); }));
    EXPECT_EQ(subscriber.received().lost[0].count, 0U) << "the kernel does not say how many";

    buttons.key(KEY_POWER, false);
    ASSERT_TRUE(subscriber.wait([](const Received& received) {
        return received.events.back().name == "KEY_POWER" && received.events.size() > 1;
    }));
    const Event last = subscriber.received().events.back();
    EXPECT_EQ(subscriber.received().gaps(last.sequence), "");
    EXPECT_FALSE(last.fields().contains("_incomplete"));
    EXPECT_EQ(subscriber.channel().EventsLost(), 1U);
}

TEST(InputName, NameWithPatternCharactersIsTheExactText)
{
    const UinputDevice buttons("Front [Panel]* \u00a9 2011 ", kButtons);
    const ConfiguredDevices devices(input_channel("Front [Panel]* \u00a9 2011 "));
    EXPECT_EQ(reason_in_state("online", "keys"), "");
    const ConfigDropIn pattern(input_channel("glob:Front [Panel]* \u00a9 2011 "));
    EXPECT_THAT(
        reason_in_state("absent", "keys"),
        HasSubstr("to use " + buttons.node() + ", for attribute device/name write \"Front [Panel]* \u00a9 2011 \""));
}

TEST(InputGrab, NoOtherProgramGetsTheEventsOfAGrabbedDevice)
{
    const UinputDevice buttons("drvbus buttons", kButtons);
    const UniqueFd other(must(open(buttons.node().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC), "open"));
    const ConfiguredDevices devices(input_channel("drvbus buttons", "grab = true\n"));
    EXPECT_EQ(reason_in_state("online", "keys"), "");
    EXPECT_EQ(ioctl(other.get(), EVIOCGRAB, 1), -1);
    EXPECT_EQ(errno, EBUSY);
    const Subscriber subscriber("keys");
    buttons.key(KEY_POWER, true);
    ASSERT_TRUE(subscriber.wait_for(1));
    input_event event{};
    EXPECT_EQ(read(other.get(), &event, sizeof(event)), -1) << "another program got the event";

    const ConfigDropIn not_grabbed(input_channel("drvbus buttons", "grab = false\n"));
    EXPECT_TRUE(wait_until([&] { return ioctl(other.get(), EVIOCGRAB, 1) == 0; }));
}

TEST(InputTwins, EachDeviceIsReadByOneChannel)
{
    const UinputDevice left("Twin", kButtons, "left");
    const UinputDevice right("Twin", kButtons, "right");
    const auto twin = [](const std::string& channel, const std::string& attributes) {
        return "[[channel]]\nname = \"" + channel +
               "\"\npreset = \"evdev\"\nmatch = { subsystem = \"input\", attributes = "
               "{ \"device/name\" = \"Twin\"" +
               attributes + " } }\n";
    };
    const ConfiguredDevices devices(twin("a", "") + twin("b", "") + twin("c", ""));
    EXPECT_EQ(reason_in_state("online", "a") + reason_in_state("online", "b"), "");
    EXPECT_THAT(reason_in_state("absent", "c"), HasSubstr(" is used by channel \"b\""));
    const Subscriber a("a");
    const Subscriber b("b");
    left.key(KEY_POWER, true);
    right.key(KEY_VOLUMEUP, true);
    ASSERT_TRUE(a.wait_for(1));
    ASSERT_TRUE(b.wait_for(1));
    EXPECT_NE(names_and_values(a), names_and_values(b));

    const ConfigDropIn by_port(twin("a", ", \"device/phys\" = \"right\"") + twin("b", ", \"device/phys\" = \"left\"") +
                               twin("c", ", \"device/phys\" = \"none\""));
    EXPECT_TRUE(
        wait_until([&] { return a.channel().Device() == right.node() && b.channel().Device() == left.node(); }));
    EXPECT_EQ(reason_in_state("online", "a") + reason_in_state("online", "b"), "");
}

INSTANTIATE_TEST_SUITE_P(Notifications, Input, testing::Values("poll", "sigio"),
                         [](const auto& notification) { return std::string(notification.param); });

TEST(InputSecrecy, KeyboardIsRefusedUnlessTheConfigurationAllowsIt)
{
    const UinputDevice keyboard("drvbus keyboard", {KEY_A, KEY_ENTER});
    {
        const ConfiguredDevices devices(input_channel("drvbus keyboard"));
        const std::string reason = reason_in_state("failed", "keys");
        EXPECT_THAT(reason, HasSubstr("it has letter keys"));
        EXPECT_THAT(reason, HasSubstr("allow_keyboard = true"));
        const Subscriber subscriber("keys");
        keyboard.key(KEY_A, true);
        EXPECT_EQ(subscriber.channel().EventsPublished(), 0U);
    }
    const ConfiguredDevices devices(input_channel("drvbus keyboard", "allow_keyboard = true\n"));
    ASSERT_EQ(reason_in_state("online", "keys"), "");
    const Subscriber subscriber("keys");
    keyboard.key(KEY_ENTER, true);
    ASSERT_TRUE(subscriber.wait_for(1));
    EXPECT_THAT(names_and_values(subscriber), ElementsAre("KEY_ENTER=1"));
}

TEST(InputTools, KeyboardIsNotReadAndItsChannelIsRefused)
{
    const UinputDevice keyboard("drvbus keyboard", {KEY_A, KEY_ENTER});
    const Result probed = run({"drvbusctl", "probe", keyboard.node(), "--seconds", "3600"});
    EXPECT_EQ(probed.status, 0);
    EXPECT_THAT(probed.output, AllOf(HasSubstr("not read: it has letter keys"), Not(HasSubstr("reading for")),
                                     HasSubstr("\n# allow_keyboard = true")));
    const TemporaryDirectory directory;
    const auto check = [&](const std::string& settings) {
        return run({"drvbusctl", "check-config", "--config",
                    directory.file("drvbusd.toml", input_channel("drvbus keyboard", settings))});
    };
    const Result refused = check("");
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.output, HasSubstr("refused       it has letter keys"));
    EXPECT_EQ(check("allow_keyboard = true\n").status, 0);
}

TEST(InputTools, ProbeMatchesADeviceByItsName)
{
    const UinputDevice buttons("drvbus [buttons]", kButtons);
    Process process({"drvbusctl", "probe", buttons.node(), "--seconds", "3600"});
    const auto shows = [&](const char* text) { return process.output().find(text) != std::string::npos; };
    ASSERT_TRUE(wait_until([&] { return shows("reading for"); })) << process.output();
    buttons.key(KEY_POWER, true);
    ASSERT_TRUE(wait_until([&] { return shows("00000000  "); })) << process.output();
    process.signal(SIGINT);
    EXPECT_EQ(process.wait(), 0);
    EXPECT_THAT(process.output(),
                AllOf(HasSubstr("layout: struct input_event"), HasSubstr("\npreset = \"evdev\"\n"),
                      HasSubstr("# match = { subsystem = \"input\", sysname = \"glob:event*\", attributes = { "
                                "\"device/name\" = \"drvbus [buttons]\" } }")));
}

}  // namespace
}  // namespace drvbus::test

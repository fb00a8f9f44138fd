// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Presets on the hardware of the guest: the real-time clock, serial ports, a PCI card that raises interrupts.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <termios.h>

#include "configured_devices.hpp"
#include "device_edu.hpp"
#include "service.hpp"
#include "support/io.hpp"
#include "support/process.hpp"
#include "support/subscriber.hpp"

namespace drvbus::test {
namespace {

using testing::Each;
using testing::ElementsAre;

std::vector<std::string> names_of(const Subscriber& subscriber)
{
    std::vector<std::string> names;
    for (const Event& event : subscriber.received().events)
        names.push_back(event.name);
    return names;
}

TEST(Rtc, UpdateInterruptIsAnEventEachSecond)
{
    const auto start = std::chrono::steady_clock::now();
    const ConfiguredDevices devices("[[channel]]\nname = \"clock\"\npreset = \"rtc\"\n");
    ASSERT_EQ(reason_in_state("online", "clock"), "");
    const Subscriber subscriber("clock");
    ASSERT_TRUE(subscriber.wait_for(3));
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    EXPECT_THAT(names_of(subscriber), Each("update"));
    // The daemon may read late: an event counts the interrupts since the one before. So their number is compared
    // with the whole time, not the distance of two events.
    std::uint32_t interrupts = 0;
    for (const Event& event : subscriber.received().events) {
        EXPECT_GE(event.fields().at("count").get<std::uint32_t>(), 1U);
        interrupts += event.fields().at("count").get<std::uint32_t>();
    }
    EXPECT_LE(interrupts, elapsed.count() + 1);
}

TEST(Rtc, AlarmAndPeriodicInterruptAreEvents)
{
    const ConfiguredDevices devices(
        "[[channel]]\nname = \"clock\"\npreset = \"rtc\"\nupdate = false\nperiodic_hz = 64\n");
    ASSERT_EQ(reason_in_state("online", "clock"), "");
    const Subscriber subscriber("clock");
    ASSERT_EQ(write_file("/sys/class/rtc/rtc0/wakealarm", "+2"), 0);
    const auto has = [](const Received& received, const std::string& name) {
        return std::ranges::any_of(received.events,
                                   [&](const Event& event) { return event.name.find(name) != std::string::npos; });
    };
    EXPECT_TRUE(subscriber.wait([&](const Received& received) { return has(received, "periodic"); }));
    EXPECT_TRUE(subscriber.wait([&](const Received& received) { return has(received, "alarm"); }));
    EXPECT_FALSE(has(subscriber.received(), "update"));
}

TEST(Uio, InterruptIsAnEventAndIsEnabledAgain)
{
    constexpr unsigned kInterrupts = 20;
    const EduDevice card;
    const ConfiguredDevices devices("[[channel]]\nname = \"card\"\npreset = \"uio\"\ndevice = \"" + card.node() +
                                    "\"\nirqcontrol = false\npci = true\n");
    ASSERT_EQ(reason_in_state("online", "card"), "");
    const Subscriber subscriber("card");

    for (unsigned count = 1; count <= kInterrupts; ++count) {
        ASSERT_TRUE(card.wait_until_enabled());
        // The interrupt line stays raised until the test acknowledges it. A driver of the card would do so before it
        // enables the interrupt again, so the daemon must not run in between.
        {
            const StoppedDaemon stopped;
            card.interrupt();
        }
        ASSERT_TRUE(subscriber.wait_for(count));
    }
    const std::vector<Event> events = subscriber.received().events;
    EXPECT_THAT(names_of(subscriber), Each("interrupt"));
    EXPECT_EQ(subscriber.received().gaps(kInterrupts), "");
    EXPECT_EQ(events.back().fields().at("count").get<std::int32_t>() -
                  events.front().fields().at("count").get<std::int32_t>(),
              static_cast<std::int32_t>(kInterrupts - 1));
}

/// The two serial ports of the guest that a null-modem cable connects.
std::vector<std::string> connected_ports()
{
    std::vector<std::string> ports;
    for (const auto& entry : std::filesystem::directory_iterator("/sys/class/tty")) {
        // The console is not on PCI. The path below the PCI device differs between kernels.
        if (std::filesystem::canonical(entry.path()).string().starts_with("/sys/devices/pci"))
            ports.push_back("/dev/" + entry.path().filename().string());
    }
    std::ranges::sort(ports);
    if (ports.size() < 2)
        throw std::runtime_error("the guest has no serial ports on PCI");
    return ports;
}

/// Opens the device's end of the cable in raw mode.
UniqueFd open_raw(const std::string& port)
{
    UniqueFd fd(must(open(port.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC), port.c_str()));
    termios settings{};
    must(tcgetattr(fd.get(), &settings), "tcgetattr");
    cfmakeraw(&settings);
    settings.c_cflag |= CLOCAL | CREAD;
    cfsetspeed(&settings, B115200);
    must(tcsetattr(fd.get(), TCSANOW, &settings), "tcsetattr");
    return fd;
}

class Serial : public testing::TestWithParam<const char*> {};

TEST_P(Serial, ReceivedLineIsAnEvent)
{
    const std::vector<std::string> ports = connected_ports();
    const UniqueFd far_end = open_raw(ports[1]);
    const ConfiguredDevices devices("[[channel]]\nname = \"line\"\npreset = \"serial\"\ndevice = \"" + ports[0] +
                                    "\"\nnotification = \"" + GetParam() + "\"\n");
    ASSERT_EQ(reason_in_state("online", "line"), "");
    const Subscriber subscriber("line");
    EXPECT_EQ(subscriber.channel().Notification(), GetParam());
    write_all(far_end.get(), "$GPGGA,1\r\nha");
    ASSERT_TRUE(subscriber.wait_for(1));
    write_all(far_end.get(), "lf and half\n");
    ASSERT_TRUE(subscriber.wait_for(2));
    std::vector<std::string> texts;
    for (const Event& event : subscriber.received().events)
        texts.push_back(event.fields().at("text").get<std::string>());
    EXPECT_THAT(texts, ElementsAre("$GPGGA,1", "half and half"));
}

INSTANTIATE_TEST_SUITE_P(Notifications, Serial, testing::Values("poll", "sigio"),
                         [](const auto& notification) { return std::string(notification.param); });

}  // namespace
}  // namespace drvbus::test

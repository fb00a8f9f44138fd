// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The presets that are installed.
#include "config/config.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libevdev/libevdev.h>
#include <linux/gpio.h>
#include <linux/input.h>
#include <linux/rtc.h>
#include <sys/ioctl.h>

#include "format/encode.hpp"

namespace drvbus::test {
namespace {

using device::IoctlStep;

device::ChannelSettings channel_of(const std::string& settings)
{
    ConfigBuilder builder(DRVBUS_PRESETS);
    builder.add("[[channel]]\nname = \"way\"\n" + settings, "test.toml");
    return builder.config().channel("way");
}

const IoctlStep& ioctl_of(const device::ChannelSettings& channel, std::size_t step)
{
    return std::get<IoctlStep>(channel.device->setup.at(step).operation);
}

std::size_t argument_size(const IoctlStep& step)
{
    return format::encode(*step.format, step.values).size();
}

TEST(ShippedPresets, AllCanBeLoaded)
{
    for (const std::string name :
         {"cgroup-eventfd", "evdev", "fifo", "gpio", "iio", "kmsg", "psi", "rtc", "serial", "uio"})
        EXPECT_TRUE(channel_of("preset = \"" + name + "\"\ndevice = \"/dev/x\"").device) << name;
    for (const std::string name : {"cgroup-eventfd", "kmsg", "psi", "rtc"})
        EXPECT_TRUE(channel_of("preset = \"" + name + "\"").device) << name << " needs no device";
}

TEST(ShippedPresets, EvdevHasTheNamesOfLibevdev)
{
    const auto names = channel_of("preset = \"evdev\"\ndevice = \"/dev/x\"").event_names.value();
    for (unsigned type = 0; type < EV_CNT; ++type) {
        const int most = libevdev_event_type_get_max(type);
        for (int code = 0; code <= most; ++code) {
            const char* const name = libevdev_event_code_get_name(type, static_cast<unsigned>(code));
            const auto found = names.find(type << 16U | static_cast<unsigned>(code));
            // The _MAX codes are limits and not events; a library of another kernel version has other values.
            if (name != nullptr && found != names.end()) {
                EXPECT_EQ(found->second, name);
            }
        }
    }
    EXPECT_EQ(names.at(EV_KEY << 16U | KEY_POWER), "KEY_POWER");
    EXPECT_EQ(names.at(EV_KEY << 16U | BTN_LEFT), "BTN_LEFT");
    EXPECT_EQ(names.at(EV_SW << 16U | SW_LID), "SW_LID");
    EXPECT_GT(names.size(), 600U);
}

// Compares the numbers in the presets with the kernel's headers.
TEST(ShippedPresets, NumbersAndStructsMatchTheKernelHeaders)
{
    const device::ChannelSettings evdev = channel_of("preset = \"evdev\"\ndevice = \"/dev/x\"");
    EXPECT_EQ(ioctl_of(evdev, 0).request, EVIOCSCLOCKID);
    EXPECT_EQ(ioctl_of(evdev, 1).request, EVIOCGBIT(EV_KEY, 96));
    EXPECT_EQ(evdev.device->framing.size, sizeof(input_event));
    EXPECT_EQ(ioctl_of(evdev, 1).refused_bits.size(), 26U) << "not all letter keys are refused";

    const device::ChannelSettings gpio = channel_of("preset = \"gpio\"\ndevice = \"/dev/x\"\nline = 3");
    EXPECT_EQ(ioctl_of(gpio, 0).request, GPIO_V2_GET_LINEINFO_IOCTL);
    EXPECT_EQ(argument_size(ioctl_of(gpio, 0)), sizeof(gpio_v2_line_info));
    EXPECT_EQ(ioctl_of(gpio, 1).request, GPIO_V2_GET_LINE_IOCTL);
    EXPECT_EQ(argument_size(ioctl_of(gpio, 1)), sizeof(gpio_v2_line_request));
    EXPECT_EQ(gpio.device->framing.size, sizeof(gpio_v2_line_event));

    const device::ChannelSettings rtc = channel_of("preset = \"rtc\"\nperiodic_hz = 64");
    EXPECT_EQ(ioctl_of(rtc, 0).request, RTC_UIE_ON);
    EXPECT_EQ(ioctl_of(rtc, 1).request, RTC_IRQP_SET);
    EXPECT_EQ(ioctl_of(rtc, 1).value, 64);
    EXPECT_EQ(ioctl_of(rtc, 2).request, RTC_PIE_ON);
    EXPECT_EQ(channel_of("preset = \"rtc\"").device->setup.size(), 1U);
    EXPECT_EQ(rtc.device->framing.size, sizeof(unsigned long));
}

TEST(ShippedPresets, EvdevGrabsTheDeviceOnRequest)
{
    const device::ChannelSettings evdev = channel_of("preset = \"evdev\"\ndevice = \"/dev/x\"\ngrab = true");
    ASSERT_EQ(evdev.device->setup.size(), 3U);
    EXPECT_EQ(ioctl_of(evdev, 2).request, EVIOCGRAB);
    EXPECT_EQ(ioctl_of(evdev, 2).value, 1);
    EXPECT_EQ(channel_of("preset = \"evdev\"\ndevice = \"/dev/x\"").device->setup.size(), 2U);
}

TEST(ShippedPresets, SerialSetsTheLinesOnRequest)
{
    const auto serial = [](const std::string& lines) {
        return channel_of("preset = \"serial\"\ndevice = \"/dev/x\"\n" + lines);
    };
    EXPECT_EQ(serial("").device->setup.size(), 1U) << "the lines are kept";
    const device::ChannelSettings set = serial("dtr = \"on\"\nrts = \"off\"");
    ASSERT_EQ(set.device->setup.size(), 3U);
    EXPECT_EQ(ioctl_of(set, 0).request, static_cast<std::uint64_t>(TIOCMBIS));
    EXPECT_EQ(ioctl_of(set, 0).values.at("lines"), format::Value(std::int64_t{TIOCM_DTR}));
    EXPECT_EQ(ioctl_of(set, 1).request, static_cast<std::uint64_t>(TIOCMBIC));
    EXPECT_EQ(ioctl_of(set, 1).values.at("lines"), format::Value(std::int64_t{TIOCM_RTS}));
}

TEST(ShippedPresets, KeyboardMustBeAllowed)
{
    const device::ChannelSettings allowed =
        channel_of("preset = \"evdev\"\ndevice = \"/dev/x\"\nallow_keyboard = true");
    EXPECT_EQ(allowed.device->setup.size(), 1U);
}

}  // namespace
}  // namespace drvbus::test

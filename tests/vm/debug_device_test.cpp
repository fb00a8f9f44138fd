// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Presets for devices that the kernel itself simulates and that Debian's own kernel has not, on the debug kernel. The
// real drvbusd, on a bus of its own; without udev, so that devices are named by their path.
#include <chrono>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/gpio.h>
#include <linux/iio/events.h>
#include <linux/iio/types.h>
#include <linux/input-event-codes.h>

#include "device_uinput.hpp"
#include "integration/daemon_test.hpp"

namespace drvbus::test {
namespace {

/// A kernel that looks at each of its accesses to memory is slow; run_tests.py ends what is silent for longer.
constexpr std::chrono::seconds kSlow = 60s;

void write_to(const std::string& path, const std::string& text)
{
    const int error = write_file(path, text);
    if (error != 0)
        throw std::system_error(error, std::generic_category(), path);
}

/// What a file of sysfs or configfs says.
std::string said_by(const std::string& path)
{
    const std::string text = read_file(path);
    return text.substr(0, text.find('\n'));
}

std::uint64_t now_ns()
{
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

template <typename Value>
Value value_of(const Event& event, const std::string& field)
{
    return event.fields().at(field).get<Value>();
}

class PresetTest : public DaemonTest {
protected:
    void wait_until_online() const
    {
        if (!wait_until([this] { return subscriber_.channel().State() == "online"; }, kSlow))
            throw std::runtime_error(state_of(subscriber_));
    }

    /// The event of this number, which has come by then.
    Event event(std::uint64_t sequence) const
    {
        if (!subscriber_.wait_for(sequence, kSlow) || subscriber_.heard().gaps(sequence) != "")
            throw std::runtime_error(summary(subscriber_) + ": " + subscriber_.heard().gaps(sequence) + "; " +
                                     state_of(subscriber_));
        return subscriber_.heard().events.back();
    }

    Subscriber subscriber_{"way", bus().address()};
};

/// A chip of gpio-sim, with eight lines, of which one has a name.
class GpioSim {
public:
    static constexpr unsigned kLine = 3;

    GpioSim()
    {
        take_down();  // of a test that was ended
        std::filesystem::create_directories(bank_);
        write_to(bank_ + "/num_lines", "8");
        std::filesystem::create_directories(line_);
        write_to(line_ + "/name", "door");
        write_to(chip_ + "/live", "1");
        name_ = said_by(bank_ + "/chip_name");
        pull_ = "/sys/devices/platform/" + said_by(chip_ + "/dev_name") + "/" + name_ + "/sim_gpio" +
                std::to_string(kLine) + "/pull";
    }
    GpioSim(const GpioSim&) = delete;
    GpioSim& operator=(const GpioSim&) = delete;
    ~GpioSim() { take_down(); }

    [[nodiscard]] std::string node() const { return "/dev/" + name_; }
    /// What is at the line from outside.
    void pull(bool up) const { write_to(pull_, up ? "pull-up" : "pull-down"); }

private:
    void take_down() const
    {
        write_file(chip_ + "/live", "0");
        std::error_code ignored;
        for (const std::string& folder : {line_, bank_, chip_})
            std::filesystem::remove(folder, ignored);
    }

    std::string chip_ = "/sys/kernel/config/gpio-sim/drvbus";
    std::string bank_ = chip_ + "/bank";
    std::string line_ = bank_ + "/line" + std::to_string(kLine);
    std::string name_;
    std::string pull_;
};

class GpioPreset : public PresetTest {
protected:
    void start_with(const std::string& settings)
    {
        start(channel("way", chip_.node(),
                      "preset = \"gpio\"\nline = " + std::to_string(GpioSim::kLine) + "\n" + settings));
        wait_until_online();
    }

    /// What is known of the kernel's thread for the line's interrupts, which bears the consumer's name.
    static std::string thread_of_interrupts()
    {
        for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
            const std::string name = said_by(entry.path() / "comm");
            if (name.starts_with("irq/") && name.ends_with("-drvbus"))
                return entry.path() / "status";
        }
        throw std::runtime_error("no thread for the interrupts of drvbus's line");
    }

    /// How often it has had nothing more to do.
    static std::uint64_t rests_of(const std::string& thread) { return sum_of("voluntary_ctxt_switches", thread); }

    GpioSim chip_;  // outlives drvbusd: a chip must not go while its lines are in use
};

TEST_F(GpioPreset, EdgesAreEvents)
{
    start_with("");
    for (const std::uint32_t number : {1U, 2U, 3U}) {
        const bool up = number % 2 == 1;
        const std::uint64_t before = now_ns();
        chip_.pull(up);
        const Event edge = event(number);
        EXPECT_EQ(edge.name, up ? "rising" : "falling");
        EXPECT_EQ(edge.id, up ? GPIO_V2_LINE_EVENT_RISING_EDGE : GPIO_V2_LINE_EVENT_FALLING_EDGE);
        EXPECT_EQ(value_of<std::uint32_t>(edge, "edge"), edge.id);
        EXPECT_EQ(value_of<std::string>(edge, "line"), "door") << "asked of the chip by the preset";
        EXPECT_EQ(value_of<std::uint32_t>(edge, "offset"), GpioSim::kLine);
        EXPECT_EQ(value_of<std::uint32_t>(edge, "seqno"), number);
        EXPECT_EQ(value_of<std::uint32_t>(edge, "line_seqno"), number);
        EXPECT_EQ(edge.fields().size(), 5U);
        EXPECT_GE(edge.time, before);
        EXPECT_LE(edge.time, now_ns());
    }
}

TEST_F(GpioPreset, FlagsSayWhichEdges)
{
    start_with("flags = " + std::to_string(GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_FALLING) + "\n");
    for (const std::uint32_t number : {1U, 2U}) {
        chip_.pull(true);
        chip_.pull(false);
        EXPECT_EQ(event(number).name, "falling");
    }
}

// What is lost is told from the kernel's own numbers: of the preset's `sequence`.
TEST_F(GpioPreset, WhatTheKernelHadNoRoomForIsTold)
{
    constexpr std::size_t kRoom = 16;  // DEFAULT_EVENT_BUFFER of gpiolib, for one line
    start_with("");
    chip_.pull(true);
    (void)event(1);
    const std::string thread = thread_of_interrupts();
    daemon().stop();
    for (std::size_t edge = 0; edge < 3 * kRoom; ++edge) {
        // Edges that come before the kernel has seen to the one before are one to it.
        const std::uint64_t rests = rests_of(thread);
        chip_.pull(edge % 2 == 1);
        ASSERT_TRUE(wait_until([&] { return rests_of(thread) > rests; }, kSlow));
    }
    daemon().go_on();
    ASSERT_TRUE(subscriber_.wait([](const Heard& heard) { return heard.events.size() == 1 + kRoom; }, kSlow))
        << summary(subscriber_);
    const Heard heard = subscriber_.heard();
    ASSERT_EQ(heard.lost.size(), 1U);
    EXPECT_EQ(heard.lost.front().first, 2U);
    EXPECT_EQ(heard.gaps(1 + heard.lost_count() + kRoom), "");
}

/// The device of iio_dummy, whose interrupts iio_dummy_evgen makes. What it tells is what is poked in.
class IioDummy {
public:
    IioDummy()
    {
        std::filesystem::create_directories(config_);
        for (const auto& entry : std::filesystem::directory_iterator("/sys/bus/iio/devices")) {
            if (said_by(entry.path() / "name") == "drvbus")
                name_ = entry.path().filename();
        }
        if (name_.empty())
            throw std::runtime_error("there is no device of iio_dummy");
    }
    IioDummy(const IioDummy&) = delete;
    IioDummy& operator=(const IioDummy&) = delete;
    ~IioDummy()
    {
        std::error_code ignored;
        std::filesystem::remove(config_, ignored);
    }

    [[nodiscard]] std::string node() const { return "/dev/" + name_; }
    [[nodiscard]] std::string file(const std::string& name) const
    {
        return "/sys/bus/iio/devices/" + name_ + "/events/" + name;
    }
    /// Has the interrupt, and what iio_simple_dummy_event_handler() takes `what` for.
    static void poke(int what) { write_to("/sys/bus/iio/devices/iio_evgen/poke_ev0", std::to_string(what)); }

private:
    std::string config_ = "/sys/kernel/config/iio/devices/dummy/drvbus";
    std::string name_;
};

class IioPreset : public PresetTest {
protected:
    static void expect_fields(const Event& event, iio_chan_type type, iio_modifier modifier, std::uint8_t direction)
    {
        EXPECT_EQ(value_of<std::int16_t>(event, "channel"), 0);
        EXPECT_EQ(value_of<std::int16_t>(event, "channel2"), 0);
        EXPECT_EQ(value_of<std::uint8_t>(event, "channel_type"), type);
        EXPECT_EQ(value_of<std::uint8_t>(event, "modifier"), modifier);
        EXPECT_EQ(value_of<std::uint8_t>(event, "direction"), direction);
        EXPECT_EQ(value_of<std::uint8_t>(event, "type"), event.id >> 8U);
        EXPECT_EQ(event.fields().size(), 6U);
    }

    IioDummy device_;
};

TEST_F(IioPreset, WhatTheDeviceTellsIsAnEvent)
{
    constexpr auto kEnable = "in_voltage0_thresh_rising_en";
    ASSERT_EQ(said_by(device_.file(kEnable)), "0");
    start(channel("way", device_.node(), "preset = \"iio\"\nenable = \"" + std::string(kEnable) + "\"\n"));
    wait_until_online();
    EXPECT_EQ(said_by(device_.file(kEnable)), "1");

    const std::uint64_t before = now_ns();
    IioDummy::poke(0);
    const Event voltage = event(1);
    EXPECT_EQ(voltage.name, "thresh_rising");
    EXPECT_EQ(voltage.id, 0x001U);
    expect_fields(voltage, IIO_VOLTAGE, IIO_NO_MOD, IIO_EV_DIR_RISING);
    // The driver's clock is that of the day; the two are read one after the other.
    EXPECT_GE(voltage.time + 1'000'000'000U, before);
    EXPECT_LE(voltage.time, now_ns() + 1'000'000'000U);

    write_to(device_.file("in_voltage0_thresh_rising_value"), "50");
    IioDummy::poke(2);
    const Event walking = event(2);
    EXPECT_EQ(walking.name, "thresh_falling");
    EXPECT_EQ(walking.id, 0x002U);
    expect_fields(walking, IIO_ACTIVITY, IIO_MOD_WALKING, IIO_EV_DIR_FALLING);

    IioDummy::poke(3);
    const Event steps = event(3);
    EXPECT_EQ(steps.name, "change");
    EXPECT_EQ(steps.id, 0x503U);
    expect_fields(steps, IIO_STEPS, IIO_NO_MOD, IIO_EV_DIR_NONE);

    daemon().signal(SIGTERM);
    ASSERT_EQ(daemon().wait(kSlow), 0);
    EXPECT_EQ(said_by(device_.file(kEnable)), "0") << "what was enabled is disabled at close";
}

/// A group of control groups of version 1.
class MemoryGroup {
public:
    MemoryGroup() { std::filesystem::create_directory(path_); }
    MemoryGroup(const MemoryGroup&) = delete;
    MemoryGroup& operator=(const MemoryGroup&) = delete;
    ~MemoryGroup()
    {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_ = "/sys/fs/cgroup/memory/drvbus";
};

class CgroupPreset : public PresetTest {
protected:
    MemoryGroup group_;
};

TEST_F(CgroupPreset, AThresholdIsTheKernelsOwnEventfd)
{
    constexpr std::uint64_t kThreshold = 8U << 20U;
    start("[[channel]]\nname = \"way\"\npreset = \"cgroup-eventfd\"\ncgroup = \"" + group_.path() +
          "\"\nthreshold = " + std::to_string(kThreshold) + "\n");
    wait_until_online();
    EXPECT_EQ(subscriber_.channel().Notification(), "eventfd");

    // A file in memory is the group's whose process has written it, also after the end of that, until it is removed.
    const std::string file = path("file");
    const Result writer =
        shell("echo $$ >" + group_.path() + "/cgroup.procs && exec dd if=/dev/zero of=" + file + " bs=1M count=16");
    ASSERT_EQ(writer.status, 0) << writer.output;
    const Event above = event(1);
    EXPECT_EQ(above.name, "threshold");
    EXPECT_EQ(above.id, 0U);
    EXPECT_GE(value_of<std::uint64_t>(above, "usage"), kThreshold);
    EXPECT_EQ(above.fields().size(), 1U);

    ASSERT_TRUE(std::filesystem::remove(file));
    EXPECT_LT(value_of<std::uint64_t>(event(2), "usage"), kThreshold) << "and below it again";
}

class EvdevPreset : public PresetTest, public testing::WithParamInterface<const char*> {
protected:
    static std::unique_ptr<UinputDevice> device()
    {
        return std::make_unique<UinputDevice>("drvbus buttons", std::vector<int>{KEY_POWER, KEY_SLEEP});
    }
};

TEST_P(EvdevPreset, ADeviceThatGoesAndComesBackKeepsItsChannel)
{
    auto buttons = device();
    const std::string node = buttons->node();
    start(channel("way", node, "preset = \"evdev\"\nnotification = \"" + std::string(GetParam()) + "\"\n"));
    wait_until_online();
    EXPECT_EQ(subscriber_.channel().Notification(), GetParam());
    buttons->key(KEY_POWER, true);
    const Event pressed = event(1);
    EXPECT_EQ(pressed.name, "KEY_POWER");
    EXPECT_EQ(pressed.id, 0x10000U + KEY_POWER);
    EXPECT_EQ(value_of<std::int32_t>(pressed, "value"), 1);

    buttons.reset();
    ASSERT_TRUE(wait_until([this] { return subscriber_.channel().State() == "gone"; }, kSlow)) << state_of(subscriber_);
    // What is held down while the device goes is let go of.
    const std::uint64_t next = subscriber_.channel().NextSequence();
    buttons = device();
    ASSERT_EQ(buttons->node(), node);
    wait_until_online();
    buttons->key(KEY_SLEEP, true);
    EXPECT_EQ(event(next).name, "KEY_SLEEP");
}

INSTANTIATE_TEST_SUITE_P(Notifications, EvdevPreset, testing::Values("poll", "sigio"),
                         [](const auto& notification) { return std::string(notification.param); });

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Presets for simulated devices that Debian's kernel lacks, on the debug kernel: the real drvbusd on a private bus.
// This guest has no udev, so the configuration names devices by their path.
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

/// Time limit of a wait. A kernel with KASAN is slow; run_tests.py ends a program without output for longer.
constexpr std::chrono::seconds kSlow = 60s;

void write_to(const std::string& path, const std::string& text)
{
    const int error = write_file(path, text);
    if (error != 0)
        throw std::system_error(error, std::generic_category(), path);
}

/// @returns the first line of a file
std::string first_line(const std::string& path)
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

    /// Waits for the event with this sequence. Throws std::runtime_error when it or an earlier one does not arrive.
    Event event(std::uint64_t sequence) const
    {
        if (!subscriber_.wait_for(sequence, kSlow) || subscriber_.received().gaps(sequence) != "")
            throw std::runtime_error(summary(subscriber_) + ": " + subscriber_.received().gaps(sequence) + "; " +
                                     state_of(subscriber_));
        return subscriber_.received().events.back();
    }

    Subscriber subscriber_{"device", bus().address()};
};

/// A GPIO chip of gpio-sim with eight lines. The line kLine has a name.
class GpioSim {
public:
    static constexpr unsigned kLine = 3;

    GpioSim()
    {
        remove();  // a test that was killed may have left it
        std::filesystem::create_directories(bank_);
        write_to(bank_ + "/num_lines", "8");
        std::filesystem::create_directories(line_);
        write_to(line_ + "/name", "door");
        write_to(chip_ + "/live", "1");
        name_ = first_line(bank_ + "/chip_name");
        pull_ = "/sys/devices/platform/" + first_line(chip_ + "/dev_name") + "/" + name_ + "/sim_gpio" +
                std::to_string(kLine) + "/pull";
    }
    GpioSim(const GpioSim&) = delete;
    GpioSim& operator=(const GpioSim&) = delete;
    ~GpioSim() { remove(); }

    [[nodiscard]] std::string node() const { return "/dev/" + name_; }
    /// Sets the level of the line, as hardware outside the chip would.
    void pull(bool up) const { write_to(pull_, up ? "pull-up" : "pull-down"); }

private:
    void remove() const
    {
        write_file(chip_ + "/live", "0");
        std::error_code ignored;
        for (const std::string& directory : {line_, bank_, chip_})
            std::filesystem::remove(directory, ignored);
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
        start(channel("device", chip_.node(),
                      "preset = \"gpio\"\nline = " + std::to_string(GpioSim::kLine) + "\n" + settings));
        wait_until_online();
    }

    /// @returns the status file of the kernel thread for the line's interrupts, which has the consumer's name
    static std::string interrupt_thread_status()
    {
        for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
            const std::string name = first_line(entry.path() / "comm");
            if (name.starts_with("irq/") && name.ends_with("-drvbus"))
                return entry.path() / "status";
        }
        throw std::runtime_error("no thread for the interrupts of drvbus's line");
    }

    /// @returns how often a thread has gone to sleep
    static std::uint64_t sleeps_of(const std::string& status) { return sum_of("voluntary_ctxt_switches", status); }

    GpioSim chip_;  // outlives drvbusd: a chip must not be removed while its lines are in use
};

TEST_F(GpioPreset, EdgeIsAnEvent)
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
        EXPECT_EQ(value_of<std::string>(edge, "line"), "door") << "the preset reads the name from the chip";
        EXPECT_EQ(value_of<std::uint32_t>(edge, "offset"), GpioSim::kLine);
        EXPECT_EQ(value_of<std::uint32_t>(edge, "seqno"), number);
        EXPECT_EQ(value_of<std::uint32_t>(edge, "line_seqno"), number);
        EXPECT_EQ(edge.fields().size(), 5U);
        EXPECT_GE(edge.time, before);
        EXPECT_LE(edge.time, now_ns());
    }
}

TEST_F(GpioPreset, FlagsSelectEdges)
{
    start_with("flags = " + std::to_string(GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_FALLING) + "\n");
    for (const std::uint32_t number : {1U, 2U}) {
        chip_.pull(true);
        chip_.pull(false);
        EXPECT_EQ(event(number).name, "falling");
    }
}

// The daemon computes the loss from the kernel's sequence numbers, by the preset's `sequence`.
TEST_F(GpioPreset, OverrunOfTheKernelBufferIsLost)
{
    constexpr std::size_t kRoom = 16;  // DEFAULT_EVENT_BUFFER of gpiolib, for one line
    start_with("");
    chip_.pull(true);
    (void)event(1);
    const std::string thread = interrupt_thread_status();
    daemon().stop();
    for (std::size_t edge = 0; edge < 3 * kRoom; ++edge) {
        // The kernel merges an edge with an earlier one that its thread has not handled yet.
        const std::uint64_t sleeps = sleeps_of(thread);
        chip_.pull(edge % 2 == 1);
        ASSERT_TRUE(wait_until([&] { return sleeps_of(thread) > sleeps; }, kSlow));
    }
    daemon().resume();
    ASSERT_TRUE(subscriber_.wait([](const Received& received) { return received.events.size() == 1 + kRoom; }, kSlow))
        << summary(subscriber_);
    const Received received = subscriber_.received();
    ASSERT_EQ(received.lost.size(), 1U);
    EXPECT_EQ(received.lost.front().first, 2U);
    EXPECT_EQ(received.gaps(1 + received.lost_count() + kRoom), "");
}

/// A device of iio_dummy. iio_dummy_evgen raises its interrupt when a test asks for an event.
class IioDummy {
public:
    IioDummy()
    {
        std::filesystem::create_directories(config_);
        for (const auto& entry : std::filesystem::directory_iterator("/sys/bus/iio/devices")) {
            if (first_line(entry.path() / "name") == "drvbus")
                name_ = entry.path().filename();
        }
        if (name_.empty())
            throw std::runtime_error("iio_dummy made no device");
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
    /// Raises the interrupt. iio_simple_dummy_event_handler() selects the event by `event`.
    static void raise(int event) { write_to("/sys/bus/iio/devices/iio_evgen/poke_ev0", std::to_string(event)); }

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

TEST_F(IioPreset, DeviceEventIsAnEvent)
{
    constexpr auto kEnable = "in_voltage0_thresh_rising_en";
    ASSERT_EQ(first_line(device_.file(kEnable)), "0");
    start(channel("device", device_.node(), "preset = \"iio\"\nenable = \"" + std::string(kEnable) + "\"\n"));
    wait_until_online();
    EXPECT_EQ(first_line(device_.file(kEnable)), "1");

    const std::uint64_t before = now_ns();
    IioDummy::raise(0);
    const Event voltage = event(1);
    EXPECT_EQ(voltage.name, "thresh_rising");
    EXPECT_EQ(voltage.id, 0x001U);
    expect_fields(voltage, IIO_VOLTAGE, IIO_NO_MOD, IIO_EV_DIR_RISING);
    // The driver uses the wall clock. The daemon converts with the difference of the two clocks, which it reads one
    // after the other.
    EXPECT_GE(voltage.time + 1'000'000'000U, before);
    EXPECT_LE(voltage.time, now_ns() + 1'000'000'000U);

    write_to(device_.file("in_voltage0_thresh_rising_value"), "50");
    IioDummy::raise(2);
    const Event walking = event(2);
    EXPECT_EQ(walking.name, "thresh_falling");
    EXPECT_EQ(walking.id, 0x002U);
    expect_fields(walking, IIO_ACTIVITY, IIO_MOD_WALKING, IIO_EV_DIR_FALLING);

    IioDummy::raise(3);
    const Event steps = event(3);
    EXPECT_EQ(steps.name, "change");
    EXPECT_EQ(steps.id, 0x503U);
    expect_fields(steps, IIO_STEPS, IIO_NO_MOD, IIO_EV_DIR_NONE);

    daemon().signal(SIGTERM);
    ASSERT_EQ(daemon().wait(kSlow), 0);
    EXPECT_EQ(first_line(device_.file(kEnable)), "0") << "the preset disables at close what it has enabled";
}

/// A cgroup of the memory controller, version 1.
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

TEST_F(CgroupPreset, ThresholdIsAnEventOverTheCgroupEventfd)
{
    constexpr std::uint64_t kThreshold = 8U << 20U;
    start("[[channel]]\nname = \"device\"\npreset = \"cgroup-eventfd\"\ncgroup = \"" + group_.path() +
          "\"\nthreshold = " + std::to_string(kThreshold) + "\n");
    wait_until_online();
    EXPECT_EQ(subscriber_.channel().Notification(), "eventfd");

    // The cgroup is charged for a tmpfs file that its process has written until the file is removed, even after the
    // process has exited.
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
    EXPECT_LT(value_of<std::uint64_t>(event(2), "usage"), kThreshold)
        << "an event when the usage drops below the threshold";
}

class EvdevPreset : public PresetTest, public testing::WithParamInterface<const char*> {
protected:
    static std::unique_ptr<UinputDevice> device()
    {
        return std::make_unique<UinputDevice>("drvbus buttons", std::vector<int>{KEY_POWER, KEY_SLEEP});
    }
};

TEST_P(EvdevPreset, DeviceThatIsReconnectedKeepsItsChannel)
{
    auto buttons = device();
    const std::string node = buttons->node();
    start(channel("device", node, "preset = \"evdev\"\nnotification = \"" + std::string(GetParam()) + "\"\n"));
    wait_until_online();
    EXPECT_EQ(subscriber_.channel().Notification(), GetParam());
    buttons->key(KEY_POWER, true);
    const Event pressed = event(1);
    EXPECT_EQ(pressed.name, "KEY_POWER");
    EXPECT_EQ(pressed.id, 0x10000U + KEY_POWER);
    EXPECT_EQ(value_of<std::int32_t>(pressed, "value"), 1);

    buttons.reset();
    ASSERT_TRUE(wait_until([this] { return subscriber_.channel().State() == "absent"; }, kSlow))
        << state_of(subscriber_);
    // The kernel reports the release of a pressed key when the device is removed.
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

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "configured_devices.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <gtest/gtest.h>

#include "support/process.hpp"
#include "support/subscriber.hpp"
#include "support/wait.hpp"

namespace drvbus::test {

namespace {

constexpr const char* kChannels = "/etc/drvbus/drvbusd.toml.d/devices.toml";
constexpr const char* kDropIn = "/run/systemd/system/drvbusd.service.d/devices.conf";
constexpr const char* kRules = "/run/udev/rules.d/71-drvbus-devices.rules";

void create_file(const std::string& path, const std::string& text)
{
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
}

/// What all tests of the program share, because a reload of systemd or udev is slow.
class DeviceEnvironment final : public testing::Environment {
public:
    /// Installs the udev rules of docs/devices.md: nodes that only root can open become readable for the group drvbus.
    void SetUp() override
    {
        create_file(kRules, R"(SUBSYSTEM=="rtc", GROUP="drvbus", MODE="0640"
SUBSYSTEM=="misc", KERNEL=="tutorial_*", GROUP="drvbus", MODE="0640"
SUBSYSTEM=="uio", GROUP="drvbus", MODE="0640", RUN+="/bin/chgrp drvbus /sys%p/device/config", RUN+="/bin/chmod g+w /sys%p/device/config"
)");
        must_run({"udevadm", "control", "--reload"});
        must_run({"udevadm", "trigger", "--settle", "--subsystem-match=rtc", "--subsystem-match=misc",
                  "--subsystem-match=uio"});
    }

    void TearDown() override
    {
        for (const char* const file : {kDropIn, kRules})
            std::filesystem::remove(file);
        run({"systemctl", "daemon-reload"});
        run({"udevadm", "control", "--reload"});
    }

    void load_drop_in(const std::string& text)
    {
        if (text == loaded_drop_in_)
            return;
        create_file(kDropIn, text);
        must_run({"systemctl", "daemon-reload"});
        loaded_drop_in_ = text;
    }

private:
    std::string loaded_drop_in_;
};

DeviceEnvironment& environment()
{
    // GoogleTest owns it.
    static auto* const kEnvironment = new DeviceEnvironment;
    return *kEnvironment;
}

const testing::Environment* const kRegistered = testing::AddGlobalTestEnvironment(&environment());

}  // namespace

ConfiguredDevices::ConfiguredDevices(const std::string& channels)
{
    must_run({"udevadm", "settle"});  // the rules apply to new devices
    create_file(kChannels, channels);
    environment().load_drop_in(must_run({"drvbusctl", "unit-dropin"}));
    must_run({"systemctl", "restart", "drvbusd"});
}

ConfiguredDevices::~ConfiguredDevices()
{
    std::filesystem::remove(kChannels);
    run({"systemctl", "stop", "drvbusd"});
}

std::string reason_in_state(const std::string& state, const std::string& channel)
{
    std::string present = "no such channel";
    std::string reason;
    const bool reached = wait_until([&] {
        try {
            const Subscriber subscriber(channel);
            present = subscriber.channel().State();
            reason = subscriber.channel().Reason();
        } catch (const sdbus::Error&) {
            return false;  // the channel is not on the bus yet
        }
        return present == state;
    });
    return reached ? reason : present + ": " + reason;
}

}  // namespace drvbus::test

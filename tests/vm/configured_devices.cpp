// SPDX-License-Identifier: LGPL-2.1-or-later
#include "configured_devices.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "support/process.hpp"
#include "support/subscriber.hpp"
#include "support/wait.hpp"

namespace drvbus::test {

namespace {

constexpr const char* kChannels = "/etc/drvbus/drvbusd.toml.d/devices.toml";
constexpr const char* kDropIn = "/run/systemd/system/drvbusd.service.d/devices.conf";
constexpr const char* kRules = "/run/udev/rules.d/71-drvbus-devices.rules";

void write(const std::string& path, const std::string& text)
{
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
}

std::string must_run(const std::vector<std::string>& command)
{
    const Result result = run(command);
    if (result.status != 0)
        throw std::runtime_error(command[0] + " " + command[1] + " failed: " + result.output);
    return result.output;
}

/// Installs the udev rules of docs/devices.md: nodes that only root can open become readable for the group drvbus.
void install_udev_rules()
{
    write(kRules, R"(SUBSYSTEM=="rtc", GROUP="drvbus", MODE="0640"
SUBSYSTEM=="misc", KERNEL=="oldstyle_*", GROUP="drvbus", MODE="0640"
SUBSYSTEM=="uio", GROUP="drvbus", MODE="0640", RUN+="/bin/chgrp drvbus /sys%p/device/config", RUN+="/bin/chmod g+w /sys%p/device/config"
)");
    must_run({"udevadm", "control", "--reload"});
    must_run(
        {"udevadm", "trigger", "--settle", "--subsystem-match=rtc", "--subsystem-match=misc", "--subsystem-match=uio"});
}

}  // namespace

ConfiguredDevices::ConfiguredDevices(const std::string& channels)
{
    install_udev_rules();
    write(kChannels, channels);
    drop_in_ = must_run({"drvbusctl", "unit-dropin"});
    write(kDropIn, drop_in_);
    must_run({"systemctl", "daemon-reload"});
    must_run({"systemctl", "restart", "drvbusd"});
}

ConfiguredDevices::~ConfiguredDevices()
{
    for (const char* const file : {kChannels, kDropIn, kRules})
        std::filesystem::remove(file);
    run({"systemctl", "stop", "drvbusd"});
    run({"systemctl", "daemon-reload"});
    run({"udevadm", "control", "--reload"});
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

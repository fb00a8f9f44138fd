// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bridged.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "support/process.hpp"
#include "support/subscriber.hpp"
#include "support/wait.hpp"

namespace drvbus::test {

namespace {

constexpr const char* kChannels = "/etc/drvbus/drvbusd.toml.d/bridged.toml";
constexpr const char* kDropIn = "/run/systemd/system/drvbusd.service.d/bridged.conf";
constexpr const char* kRules = "/run/udev/rules.d/71-bridged.rules";

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

/// As docs/devices.md has them, for nodes that are root's alone.
void give_nodes_to_the_group()
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

Bridged::Bridged(const std::string& channels)
{
    give_nodes_to_the_group();
    write(kChannels, channels);
    drop_in_ = must_run({"/usr/libexec/drvbusd", "--print-unit-dropin"});
    write(kDropIn, drop_in_);
    must_run({"systemctl", "daemon-reload"});
    must_run({"systemctl", "restart", "drvbusd"});
}

Bridged::~Bridged()
{
    for (const char* const file : {kChannels, kDropIn, kRules})
        std::filesystem::remove(file);
    run({"systemctl", "stop", "drvbusd"});
    run({"systemctl", "daemon-reload"});
    run({"udevadm", "control", "--reload"});
}

std::string reason_when(const std::string& state, const std::string& channel)
{
    std::string now = "there is no such channel";
    std::string reason;
    const bool is = wait_until([&] {
        try {
            const Subscriber subscriber(channel);
            now = subscriber.channel().State();
            reason = subscriber.channel().Reason();
        } catch (const sdbus::Error&) {
            return false;  // it is not there yet
        }
        return now == state;
    });
    return is ? reason : now + ": " + reason;
}

}  // namespace drvbus::test

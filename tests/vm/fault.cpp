// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fault.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>

#include "service.hpp"
#include "support/process.hpp"
#include "support/wait.hpp"

namespace drvbus::test {

namespace {

constexpr const char* kBinary = "/usr/libexec/drvbusd";
constexpr const char* kUnitDropIn = "/run/systemd/system/drvbusd.service.d";
constexpr const char* kBusLimits = "/etc/dbus-1/system.d/limits.conf";

void must(const std::vector<std::string>& command)
{
    const Result result = run(command);
    if (result.status != 0)
        throw std::runtime_error(command.front() + ": " + result.output);
}

bool answers()
{
    return run({"busctl", "get-property", "org.drvbus1", "/org/drvbus1", "org.drvbus1.Manager", "Version"}).status == 0;
}

/// Of a service's main process, once there is one: to the pid 0, signals would go to the test itself.
pid_t running(const std::string& unit)
{
    pid_t pid = 0;
    const bool runs = wait_until([&] {
        pid = std::stoi("0" + shell("systemctl show --value --property MainPID " + unit).output);
        return pid != 0;
    });
    if (!runs)
        throw std::runtime_error(unit + " does not run: " + run({"systemctl", "status", unit}).output);
    return pid;
}

/// Does `harm`, which ends the process, and waits for the next one.
void replace_process(const std::function<void(pid_t)>& harm)
{
    const pid_t before = running("drvbusd.service");
    harm(before);
    if (!wait_until([before] {
            const pid_t now = daemon_pid();
            return now != 0 && now != before;
        }))
        throw std::runtime_error("the service has not come back: " + run({"systemctl", "status", "drvbusd"}).output);
}

void upgrade(pid_t)
{
    const std::string next = std::string(kBinary) + ".new";
    std::filesystem::copy_file(kBinary, next, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::rename(next, kBinary);
    must({"systemctl", "restart", "drvbusd"});
}

void take_memory(pid_t before)
{
    must({"systemctl", "set-property", "--runtime", "drvbusd", "MemoryMax=200K"});
    const bool killed = wait_until([before] { return daemon_pid() != before; });
    must({"systemctl", "set-property", "--runtime", "drvbusd", "MemoryMax=infinity"});
    if (!killed)
        throw std::runtime_error("the kernel left the service alone");
}

void kill_bus()
{
    const pid_t pid = running("dbus.service");
    kill(pid, SIGKILL);
    // The socket starts the next one for whoever connects first.
    if (!wait_until([&] { return running("dbus.service") != pid; }))
        throw std::runtime_error("the bus has not come back");
}

void reload()
{
    static bool poll = false;
    poll = !poll;
    std::filesystem::create_directories("/etc/drvbus/drvbusd.toml.d");
    std::ofstream file("/etc/drvbus/drvbusd.toml.d/fault.toml");
    for (const char* const name : {"one", "two", "three"})
        file << "[[channel]]\nname = \"" << name << "\"\nnotification = \"" << (poll ? "poll" : "sigio") << "\"\n";
    file.close();
    must({"systemctl", "reload", "drvbusd"});
}

}  // namespace

const std::vector<Fault>& all_faults()
{
    static const std::vector<Fault> all{Fault::kill,      Fault::restart, Fault::hang,  Fault::upgrade,
                                        Fault::no_memory, Fault::bus,     Fault::reload};
    return all;
}

std::ostream& operator<<(std::ostream& stream, Fault fault)
{
    constexpr const char* kNames[] = {"Kill", "Restart", "Hang", "Upgrade", "NoMemory", "Bus", "Reload"};
    return stream << kNames[static_cast<std::size_t>(fault)];
}

void happen(Fault fault)
{
    switch (fault) {
    case Fault::kill:
        replace_process([](pid_t pid) { kill(pid, SIGKILL); });
        break;
    case Fault::restart:
        replace_process([](pid_t) { must({"systemctl", "restart", "drvbusd"}); });
        break;
    case Fault::hang:
        replace_process([](pid_t pid) { kill(pid, SIGSTOP); });
        break;
    case Fault::upgrade:
        replace_process(upgrade);
        break;
    case Fault::no_memory:
        replace_process(take_memory);
        break;
    case Fault::bus:
        kill_bus();
        break;
    case Fault::reload:
        reload();
        break;
    }
    if (!wait_until(answers))
        throw std::runtime_error("the service does not answer: " + run({"systemctl", "status", "drvbusd"}).output);
}

QuickFaults::QuickFaults()
{
    std::filesystem::create_directories(kUnitDropIn);
    std::ofstream(std::string(kUnitDropIn) + "/fault.conf") << "[Service]\nWatchdogSec=3s\nTimeoutAbortSec=1s\n";
    // By default dbus-daemon takes in 127 MiB that it has not looked at yet: on a slow machine, minutes of events
    // before an answer. What waits for all subscribers that stand still has to fit in as well. dbus-broker keeps the
    // product of two limits for each user: 512 MiB by default.
    std::ofstream limits(kBusLimits);
    limits << "<busconfig><limit name=\"max_outgoing_bytes\">262144</limit>"
              "<limit name=\"max_incoming_bytes\">4194304</limit>";
    if (std::filesystem::exists("/usr/bin/dbus-broker-launch"))
        limits << "<limit name=\"max_connections_per_user\">8</limit>";
    limits << "</busconfig>\n";
    limits.close();
    must({"systemctl", "daemon-reload"});
    must({"systemctl", "restart", "drvbusd"});
    happen(Fault::bus);  // dbus-broker takes limits as it starts, and no later
}

QuickFaults::~QuickFaults()
{
    std::filesystem::remove(std::string(kUnitDropIn) + "/fault.conf");
    std::filesystem::remove(kBusLimits);
    std::filesystem::remove("/etc/drvbus/drvbusd.toml.d/fault.toml");
    run({"systemctl", "daemon-reload"});
    // dbus-broker takes limits as it starts, and no later.
    try {
        happen(Fault::bus);
    } catch (const std::runtime_error&) {
        // The next test will tell.
    }
    run({"systemctl", "reset-failed"});
    run({"systemctl", "restart", "drvbusd"});
}

}  // namespace drvbus::test

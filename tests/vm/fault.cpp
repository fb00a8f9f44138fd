// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fault.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>

#include "support/process.hpp"
#include "support/wait.hpp"

namespace drvbus::test {

namespace {

constexpr const char* kBinary = "/usr/libexec/drvbusd";
constexpr const char* kConfigDropIn = "/etc/drvbus/drvbusd.toml.d/fault.toml";
constexpr const char* kBusLimits = "/etc/dbus-1/system.d/limits.conf";

/// Waits until a service has a main process. @returns its pid, never 0: kill(0) would signal the test itself
pid_t wait_for_main_process(const std::string& unit)
{
    pid_t pid = 0;
    const bool runs = wait_until([&] {
        pid = main_process(unit);
        return pid != 0;
    });
    if (!runs)
        throw std::runtime_error(unit + " does not run: " + run({"systemctl", "status", unit}).output);
    return pid;
}

/// Calls `end_process`, which makes the daemon exit, and waits for the next process.
void replace_process(const std::function<void(pid_t)>& end_process)
{
    const pid_t old = wait_for_main_process("drvbusd.service");
    end_process(old);
    if (!wait_until([old] {
            const pid_t present = daemon_pid();
            return present != 0 && present != old;
        }))
        throw std::runtime_error("the service did not start again: " + run({"systemctl", "status", "drvbusd"}).output);
}

void upgrade(pid_t)
{
    const std::string next = std::string(kBinary) + ".new";
    std::filesystem::copy_file(kBinary, next, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::rename(next, kBinary);
    must_run({"systemctl", "restart", "drvbusd"});
}

void exhaust_memory(pid_t pid)
{
    must_run({"systemctl", "set-property", "--runtime", "drvbusd", "MemoryMax=200K"});
    const bool killed = wait_until([pid] { return daemon_pid() != pid; });
    must_run({"systemctl", "set-property", "--runtime", "drvbusd", "MemoryMax=infinity"});
    if (!killed)
        throw std::runtime_error("the kernel did not kill the service");
}

void kill_bus()
{
    const pid_t pid = wait_for_main_process("dbus.service");
    kill(pid, SIGKILL);
    // dbus.socket starts the next one when the first client connects.
    if (!wait_until([&] { return wait_for_main_process("dbus.service") != pid; }))
        throw std::runtime_error("the bus did not start again");
}

void change_notification()
{
    static bool poll = false;
    poll = !poll;
    std::filesystem::create_directories(std::filesystem::path(kConfigDropIn).parent_path());
    std::ofstream file(kConfigDropIn);
    for (const char* const name : {"one", "two", "three"})
        file << "[[channel]]\nname = \"" << name << "\"\nnotification = \"" << (poll ? "poll" : "sigio") << "\"\n";
    file.close();
    must_run({"systemctl", "reload", "drvbusd"});
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

void inject(Fault fault)
{
    switch (fault) {
    case Fault::kill:
        replace_process([](pid_t pid) { kill(pid, SIGKILL); });
        break;
    case Fault::restart:
        replace_process([](pid_t) { must_run({"systemctl", "restart", "drvbusd"}); });
        break;
    case Fault::hang:
        replace_process([](pid_t pid) { kill(pid, SIGSTOP); });
        break;
    case Fault::upgrade:
        replace_process(upgrade);
        break;
    case Fault::no_memory:
        replace_process(exhaust_memory);
        break;
    case Fault::bus:
        kill_bus();
        break;
    case Fault::reload:
        change_notification();
        break;
    }
    if (!wait_until(daemon_answers))
        throw std::runtime_error("the service does not answer: " + run({"systemctl", "status", "drvbusd"}).output);
}

QuickFaults::QuickFaults() : quick_watchdog_("WatchdogSec=3s\nTimeoutAbortSec=1s\n")
{
    // By default dbus-daemon queues 127 MiB of incoming messages: on a slow machine, minutes of events before a reply.
    // The messages for all stopped subscribers count towards that limit. dbus-broker queues up to the product of two
    // limits for each user: 512 MiB by default.
    std::ofstream limits(kBusLimits);
    limits << "<busconfig><limit name=\"max_outgoing_bytes\">262144</limit>"
              "<limit name=\"max_incoming_bytes\">4194304</limit>";
    if (std::filesystem::exists("/usr/bin/dbus-broker-launch"))
        limits << "<limit name=\"max_connections_per_user\">8</limit>";
    limits << "</busconfig>\n";
    limits.close();
    inject(Fault::bus);  // dbus-broker reads limits only when it starts
}

QuickFaults::~QuickFaults()
{
    std::filesystem::remove(kBusLimits);
    std::filesystem::remove(kConfigDropIn);
    // dbus-broker reads limits only when it starts.
    try {
        inject(Fault::bus);
    } catch (const std::runtime_error&) {
        // The next test fails and reports it.
    }
    run({"systemctl", "reset-failed"});
}

}  // namespace drvbus::test

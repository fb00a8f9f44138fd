// SPDX-License-Identifier: LGPL-2.1-or-later
#include "service.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <pwd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/io.hpp"
#include "support/subscriber.hpp"

namespace drvbus::test {

namespace {

constexpr const char* kUnitDropIn = "/run/systemd/system/drvbusd.service.d/test.conf";
constexpr const char* kConfigDropIns = "/etc/drvbus/drvbusd.toml.d";

struct Free {
    void operator()(char* text) const { std::free(text); }
};
using Text = std::unique_ptr<char, Free>;

/// Throws std::system_error when a call of libsystemd has returned -errno; else returns its result.
int checked(int result, const char* what)
{
    if (result < 0)
        throw std::system_error(-result, std::generic_category(), what);
    return result;
}

/// Connects to systemd itself, as systemctl does for root: this works while the bus is down.
Bus connect_to_systemd()
{
    sd_bus* bus = nullptr;
    checked(sd_bus_new(&bus), "sd_bus_new");
    Bus owner(bus);
    checked(sd_bus_set_address(bus, "unix:path=/run/systemd/private"), "sd_bus_set_address");
    checked(sd_bus_set_method_call_timeout(bus, std::chrono::microseconds(kLimit).count()), "the timeout");
    checked(sd_bus_start(bus), "sd_bus_start");
    return owner;
}

/// Connects for each call: the bus may have been restarted since the last one.
bool can_read(const std::string& path, const char* interface, const char* property)
{
    sd_bus* bus = nullptr;
    if (sd_bus_open_system(&bus) < 0)
        return false;
    const Bus owner(bus);
    char* value = nullptr;
    const int result =
        sd_bus_get_property_string(bus, "org.drvbus1", path.c_str(), interface, property, nullptr, &value);
    const Text value_owner(value);
    return result >= 0;
}

bool is_on_bus(const std::string& channel)
{
    return can_read(channel_path(channel), "org.drvbus1.Channel", "Name");
}

void reload()
{
    // Before the first channel the daemon does not run: it will read the file when it starts.
    if (daemon_pid() == 0)
        return;
    const Result result = run({"systemctl", "reload", "drvbusd"});
    if (result.status != 0)
        throw std::runtime_error("systemctl reload drvbusd: " + result.output);
}

std::uint64_t monotonic_us()
{
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000U + static_cast<std::uint64_t>(now.tv_nsec) / 1000U;
}

}  // namespace

Bus connect_as(const std::string& user)
{
    const passwd* const entry = getpwnam(user.c_str());
    if (entry == nullptr)
        throw std::runtime_error("there is no user " + user);
    // The system calls change the user of this thread alone; the bus sees the one that connects.
    const auto set_user = [](uid_t uid) { must(static_cast<int>(syscall(SYS_setresuid, -1, uid, -1)), "setresuid"); };
    set_user(entry->pw_uid);
    sd_bus* bus = nullptr;
    const int result = sd_bus_open_system(&bus);
    set_user(0);
    return Bus(result < 0 ? nullptr : bus);
}

std::string unit_property(const std::string& property)
{
    std::string value = run({"systemctl", "show", "drvbusd", "--value", "--property", property}).output;
    while (value.ends_with('\n'))
        value.pop_back();
    return value;
}

pid_t main_process(const std::string& unit)
{
    char* path = nullptr;
    checked(sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path), "sd_bus_path_encode");
    const Text path_owner(path);
    std::uint32_t pid = 0;
    checked(sd_bus_get_property_trivial(connect_to_systemd().get(), "org.freedesktop.systemd1", path,
                                        "org.freedesktop.systemd1.Service", "MainPID", nullptr, 'u', &pid),
            "MainPID");
    return static_cast<pid_t>(pid);
}

pid_t daemon_pid()
{
    return main_process("drvbusd.service");
}

bool daemon_answers()
{
    return can_read("/org/drvbus1", "org.drvbus1.Manager", "Version");
}

std::uint64_t next_sequence(const std::string& channel)
{
    const Bus bus = connect_as("nobody");
    std::uint64_t sequence = 0;
    if (!bus || sd_bus_get_property_trivial(bus.get(), "org.drvbus1", channel_path(channel).c_str(),
                                            "org.drvbus1.Channel", "NextSequence", nullptr, 't', &sequence) < 0)
        return 0;
    return sequence;
}

bool wait_for_channel(const std::string& name)
{
    return wait_until([&] { return is_on_bus(name); });
}

bool wait_for_no_channel(const std::string& name)
{
    return wait_until([&] { return !is_on_bus(name); });
}

Monitor::Monitor(const std::string& user)
    : process_({"runuser", "-u", user, "--", "gdbus", "monitor", "--system", "--dest", "org.drvbus1"})
{
    // gdbus adds its match before it asks for the owner of the name, and the bus answers in that order.
    if (!shows("The name org.drvbus1 is owned by "))
        throw std::runtime_error("gdbus monitor does not start: " + output());
}

bool Monitor::shows(const std::string& text) const
{
    return wait_until([&] { return output().find(text) != std::string::npos; });
}

Journal::Journal() : begin_us_(monotonic_us())
{
    sd_journal* journal = nullptr;
    checked(sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY), "sd_journal_open");
    journal_.reset(journal);
    // Messages of the daemon, or of systemd about its unit.
    checked(sd_journal_add_match(journal, "_SYSTEMD_UNIT=drvbusd.service", 0), "sd_journal_add_match");
    checked(sd_journal_add_disjunction(journal), "sd_journal_add_disjunction");
    checked(sd_journal_add_match(journal, "UNIT=drvbusd.service", 0), "sd_journal_add_match");
    checked(sd_journal_get_fd(journal), "sd_journal_get_fd");  // sd_journal_process() needs it
}

void Journal::Close::operator()(sd_journal* journal) const
{
    sd_journal_close(journal);
}

std::string Journal::messages() const
{
    sd_id128_t boot{};
    checked(sd_id128_get_boot(&boot), "sd_id128_get_boot");
    checked(sd_journal_seek_monotonic_usec(journal_.get(), boot, begin_us_), "sd_journal_seek_monotonic_usec");
    std::string messages;
    while (checked(sd_journal_next(journal_.get()), "sd_journal_next") > 0) {
        const void* data = nullptr;
        std::size_t size = 0;
        if (sd_journal_get_data(journal_.get(), "MESSAGE", &data, &size) >= 0)
            messages.append(static_cast<const char*>(data), size).append("\n");
    }
    return messages;
}

bool Journal::shows(const std::string& text) const
{
    return wait_until([&] {
        // This finds the files that the journal has added.
        checked(sd_journal_process(journal_.get()), "sd_journal_process");
        return messages().find(text) != std::string::npos;
    });
}

StoppedDaemon::StoppedDaemon()
{
    const pid_t pid = daemon_pid();
    if (pid == 0)
        throw std::runtime_error("the daemon does not run");
    pidfd_.reset(must(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)), "pidfd_open"));
    must(static_cast<int>(syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGSTOP, nullptr, 0)), "SIGSTOP");
    const std::string status = "/proc/" + std::to_string(pid) + "/status";
    if (!wait_until([&] { return read_file(status).find("\nState:\tT") != std::string::npos; }))
        throw std::runtime_error("the daemon does not stop: " + read_file(status));
}

StoppedDaemon::~StoppedDaemon()
{
    // It fails when the process has been killed.
    syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGCONT, nullptr, 0);
}

UnitDropIn::UnitDropIn(const std::string& settings)
{
    const std::filesystem::path file = kUnitDropIn;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << "[Service]\n" << settings;
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"systemctl", "daemon-reload"}, {"systemctl", "restart", "drvbusd"}}) {
        const Result result = run(command);
        if (result.status != 0)
            throw std::runtime_error(command[0] + " " + command[1] + ": " + result.output);
    }
}

UnitDropIn::~UnitDropIn()
{
    std::filesystem::remove(kUnitDropIn);
    run({"systemctl", "daemon-reload"});
    run({"systemctl", "reset-failed", "drvbusd"});
    run({"systemctl", "restart", "drvbusd"});
}

ConfigDropIn::ConfigDropIn(const std::string& text)
{
    std::filesystem::create_directories(kConfigDropIns);
    std::ofstream(std::string(kConfigDropIns) + "/test.toml") << text;
    reload();
}

ConfigDropIn::~ConfigDropIn()
{
    std::filesystem::remove(std::string(kConfigDropIns) + "/test.toml");
    try {
        reload();
    } catch (const std::runtime_error&) {
        // The next test fails and reports it.
    }
}

}  // namespace drvbus::test

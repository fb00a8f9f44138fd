// SPDX-License-Identifier: LGPL-2.1-or-later
//
// drvbusd.service: start, stop, restart, reload, watchdog, and its use of resources.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "service.hpp"
#include "sim.hpp"
#include "support/process.hpp"
#include "support/subscriber.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string systemctl(const std::string& verb)
{
    const Result result = run({"systemctl", verb, "drvbusd"});
    return result.status == 0 ? "" : "systemctl " + verb + ": " + result.output;
}

TEST(Guest, HasTheBusOfItsRelease)
{
    const std::string release = read_file("/etc/os-release");
    const std::string bus = read_file("/proc/" + std::to_string(main_process("dbus.service")) + "/comm");
    // The kernel truncates the name of a process to 15 characters.
    EXPECT_EQ(bus,
              release.find("VERSION_CODENAME=trixie") != std::string::npos ? "dbus-broker-lau\n" : "dbus-daemon\n");
}

std::uint64_t voluntary_switches(pid_t pid)
{
    const std::string status = read_file("/proc/" + std::to_string(pid) + "/status");
    const std::string key = "\nvoluntary_ctxt_switches:";
    return std::stoull(status.substr(status.find(key) + key.size()));
}

/// Waits until the daemon has been idle for two seconds.
bool wait_until_idle(pid_t pid)
{
    std::uint64_t before = 0;
    std::uint64_t now = voluntary_switches(pid);
    for (int tries = 0; now != before && tries < 20; ++tries) {
        before = now;
        std::this_thread::sleep_for(2s);  // the measured time
        now = voluntary_switches(pid);
    }
    return now == before;
}

class Service : public testing::Test {
protected:
    Service() : channel_("beat")
    {
        if (!wait_for_channel("beat"))
            throw std::runtime_error("the channel is not on the bus");
    }

    /// Expects that the running daemon publishes an event that is emitted now.
    void expect_working() const
    {
        ASSERT_TRUE(wait_for_channel("beat"));
        const Subscriber subscriber("beat");
        ASSERT_EQ(channel_.emit(42), 0);
        const std::uint64_t last = channel_.sysfs("events");
        EXPECT_TRUE(subscriber.wait([last](const Received& received) {
            return !received.events.empty() && received.events.back().sequence == last &&
                   received.events.back().id == 42;
        }));
    }

    SimChannel channel_;
};

TEST_F(Service, FirstChannelStartsIt)
{
    EXPECT_EQ(systemctl("stop"), "");
    EXPECT_EQ(unit_property("ActiveState"), "inactive");
    const SimChannel first("first");
    // A call on the bus would start the service as well, so ask systemd first.
    EXPECT_TRUE(wait_until([] { return unit_property("ActiveState") == "active"; }));
    EXPECT_TRUE(wait_for_channel("first"));
    EXPECT_TRUE(wait_for_channel("beat"));
}

TEST_F(Service, BusCallStartsIt)
{
    EXPECT_EQ(systemctl("stop"), "");
    EXPECT_EQ(run({"busctl", "call", "org.drvbus1", "/org/drvbus1", "org.freedesktop.DBus.Peer", "Ping"}).status, 0);
    EXPECT_EQ(unit_property("ActiveState"), "active");
    expect_working();
}

TEST_F(Service, StartsWithoutAnyChannelAndWaitsForOne)
{
    EXPECT_EQ(systemctl("stop"), "");
    channel_.live(false);
    EXPECT_EQ(systemctl("start"), "");
    EXPECT_TRUE(wait_until([] {
        return unit_property("StatusText") == "0 channels, 0 events published, 0 events lost";
    })) << unit_property("StatusText");
    EXPECT_EQ(run({"busctl", "get-property", "org.drvbus1", "/org/drvbus1", "org.drvbus1.Manager", "Channels"}).output,
              "u 0\n");
    EXPECT_THAT(run({"busctl", "--list", "tree", "org.drvbus1"}).output, Not(HasSubstr("/channel/")));
    channel_.live(true);
    expect_working();
}

TEST_F(Service, RestartStartsAnotherProcess)
{
    const pid_t before = daemon_pid();
    expect_working();
    EXPECT_EQ(systemctl("restart"), "");
    EXPECT_NE(daemon_pid(), before);
    expect_working();
}

TEST_F(Service, StatusTextCountsChannelsPublishedAndLostEvents)
{
    EXPECT_EQ(systemctl("restart"), "");
    ASSERT_TRUE(wait_for_channel("beat"));
    {
        const StoppedDaemon stopped;
        ASSERT_EQ(channel_.burst(1034), 0);  // the ring holds 1,024
    }
    const std::string expected = "1 channels, 1024 events published, 10 events lost";
    EXPECT_TRUE(wait_until([&] { return unit_property("StatusText") == expected; })) << unit_property("StatusText");
    EXPECT_THAT(run({"systemctl", "status", "--no-pager", "drvbusd"}).output, HasSubstr(expected));
}

TEST_F(Service, StopTakesLessThanASecond)
{
    // The shortest of several stops: other processes of the guest, or of its host, may delay one.
    constexpr int kAttempts = 10;
    std::chrono::milliseconds shortest = kLimit;
    for (int attempt = 0; attempt < kAttempts && shortest >= 1s; ++attempt) {
        expect_working();
        const pid_t pid = daemon_pid();
        const auto pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
        ASSERT_GE(pidfd, 0);
        const auto start = std::chrono::steady_clock::now();
        kill(pid, SIGTERM);
        pollfd exited{pidfd, POLLIN, 0};
        ASSERT_EQ(poll(&exited, 1, 30'000), 1);
        shortest = std::min(
            shortest, std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start));
        close(pidfd);
        EXPECT_TRUE(wait_until([] { return unit_property("ActiveState") == "inactive"; }));
        EXPECT_EQ(unit_property("Result"), "success");
        EXPECT_EQ(unit_property("ExecMainStatus"), "0");
        EXPECT_EQ(systemctl("start"), "");
    }
    EXPECT_LT(shortest, 1s);
}

TEST_F(Service, KilledDaemonIsStartedAgain)
{
    const pid_t before = daemon_pid();
    kill(before, SIGKILL);
    EXPECT_TRUE(wait_until([&] { return daemon_pid() != before && daemon_pid() != 0; }));
    expect_working();
}

TEST_F(Service, WatchdogRestartsADaemonThatHangs)
{
    EXPECT_EQ(unit_property("WatchdogUSec"), "20s");
    // The same with shorter times.
    const UnitDropIn quick("WatchdogSec=3s\nTimeoutAbortSec=1s\n");
    ASSERT_TRUE(wait_for_channel("beat"));
    const Journal journal;
    const pid_t before = daemon_pid();
    kill(before, SIGSTOP);
    EXPECT_TRUE(wait_until([&] { return daemon_pid() != before && daemon_pid() != 0; }));
    expect_working();
    EXPECT_TRUE(journal.shows("Watchdog timeout")) << journal.messages();
    run({"systemctl", "reset-failed", "drvbusd"});
}

TEST_F(Service, ReloadAppliesAConfigurationAndRefusesAWrongOne)
{
    EXPECT_EQ(Subscriber("beat").channel().Notification(), "eventfd");
    {
        const ConfigDropIn poll("[[channel]]\nname = \"beat\"\nnotification = \"poll\"\nformat = \"u8 x\"\n");
        const Subscriber subscriber("beat");
        EXPECT_EQ(subscriber.channel().Notification(), "poll");
        EXPECT_EQ(subscriber.channel().Format(), "u8 x");
        const pid_t before = daemon_pid();

        const Journal journal;
        const std::string file = "/etc/drvbus/drvbusd.toml.d/zz.toml";
        shell("printf '\\n[[channel]]\\nname = \"beat\"\\nnotification = 7\\n' > " + file);
        EXPECT_NE(systemctl("reload"), "");
        EXPECT_TRUE(journal.shows("/etc/drvbus/drvbusd.toml.d/zz.toml:4:16: 'notification' has to be a string"))
            << journal.messages();
        EXPECT_EQ(subscriber.channel().Notification(), "poll");
        EXPECT_EQ(daemon_pid(), before);
        EXPECT_EQ(unit_property("ActiveState"), "active");

        // With the same file the daemon does not start, and systemd does not try again.
        EXPECT_EQ(systemctl("stop"), "");
        EXPECT_NE(systemctl("start"), "");
        EXPECT_EQ(unit_property("ActiveState"), "failed");
        EXPECT_EQ(unit_property("NRestarts"), "0");
        EXPECT_EQ(unit_property("ExecMainStatus"), "78");
        std::filesystem::remove(file);
        run({"systemctl", "reset-failed", "drvbusd"});
        EXPECT_EQ(systemctl("start"), "");
        expect_working();
    }
    EXPECT_EQ(Subscriber("beat").channel().Notification(), "eventfd");
}

/// Another owner of the daemon's name, or the next one after the daemon.
class OtherOwner {
public:
    OtherOwner() : bus_(connect_as("drvbus"))
    {
        if (!bus_ || sd_bus_request_name(bus_.get(), "org.drvbus1", SD_BUS_NAME_QUEUE) < 0)
            throw std::runtime_error("the bus does not queue the name");
    }

private:
    Bus bus_;
};

TEST_F(Service, IsNotStartedAgainWhileAnotherDaemonRuns)
{
    EXPECT_EQ(systemctl("stop"), "");
    {
        const Journal journal;
        const OtherOwner owner;
        EXPECT_NE(systemctl("start"), "");
        EXPECT_EQ(unit_property("ActiveState"), "failed");
        EXPECT_EQ(unit_property("NRestarts"), "0");
        EXPECT_EQ(unit_property("ExecMainStatus"), "69");
        EXPECT_TRUE(journal.shows("the name org.drvbus1 is taken on the system bus")) << journal.messages();
    }
    run({"systemctl", "reset-failed", "drvbusd"});
    EXPECT_EQ(systemctl("start"), "");
    expect_working();
}

TEST_F(Service, IsNotStartedAgainWithoutItsPolicy)
{
    const std::filesystem::path policy = "/usr/share/dbus-1/system.d/org.drvbus1.conf";
    const std::filesystem::path saved = "/run/org.drvbus1.conf";
    const auto reload_bus = [] { must_run({"systemctl", "reload", "dbus"}); };
    EXPECT_EQ(systemctl("stop"), "");
    std::filesystem::copy_file(policy, saved);
    std::filesystem::remove(policy);
    reload_bus();
    const Journal journal;
    EXPECT_NE(systemctl("start"), "");
    EXPECT_EQ(unit_property("ActiveState"), "failed");
    EXPECT_EQ(unit_property("NRestarts"), "0");
    EXPECT_EQ(unit_property("ExecMainStatus"), "77");
    EXPECT_TRUE(journal.shows("the system bus does not let this user own org.drvbus1")) << journal.messages();
    std::filesystem::copy_file(saved, policy);
    std::filesystem::remove(saved);
    reload_bus();
    run({"systemctl", "reset-failed", "drvbusd"});
    EXPECT_EQ(systemctl("start"), "");
    expect_working();
}

// The next process must get the files of the one that was killed, so a single failure to start is not the end.
TEST_F(Service, IsStartedAgainALimitedNumberOfTimesWhenItHasFiles)
{
    EXPECT_EQ(unit_property("StartLimitBurst"), "100");
    const UnitDropIn limited("[Unit]\nStartLimitBurst=5\n");
    expect_working();
    const std::uint64_t emitted = channel_.sysfs("events");
    {
        const Journal journal;
        const OtherOwner owner;
        kill(daemon_pid(), SIGKILL);
        EXPECT_TRUE(journal.shows("the name org.drvbus1 is taken on the system bus")) << journal.messages();
    }
    expect_working();
    EXPECT_EQ(Subscriber("beat").channel().EventsPublished(), emitted + 1) << "the checkpoint is lost";
    {
        const OtherOwner owner;
        kill(daemon_pid(), SIGKILL);
        EXPECT_TRUE(wait_until([] { return unit_property("ActiveState") == "failed"; }));
        EXPECT_EQ(unit_property("ExecMainStatus"), "1");
    }
}

TEST_F(Service, OutlivesTheBusAndItsSocket)
{
    const pid_t before = daemon_pid();
    expect_working();
    const Journal journal;
    must_run({"systemctl", "stop", "dbus.socket", "dbus.service"});
    EXPECT_TRUE(journal.shows("the connection to the system bus broke")) << journal.messages();
    EXPECT_EQ(unit_property("ActiveState"), "active");
    ASSERT_EQ(channel_.emit(7), 0);
    must_run({"systemctl", "start", "dbus.socket"});
    expect_working();
    EXPECT_EQ(daemon_pid(), before);
    EXPECT_EQ(Subscriber("beat").channel().EventsPublished(), channel_.sysfs("events"));
}

TEST_F(Service, IdleDaemonWakesOnlyForTheWatchdog)
{
    expect_working();
    const pid_t pid = daemon_pid();
    ASSERT_TRUE(wait_until_idle(pid));
    const std::uint64_t before = voluntary_switches(pid);
    std::this_thread::sleep_for(10s);  // the measured time
    // sd-event notifies the watchdog after half to three quarters of its 20 s: at most once in 10 s.
    EXPECT_LE(voluntary_switches(pid) - before, 1U);
}

TEST_F(Service, IdleDaemonUsesAtMostFourMebibytes)
{
    // The memory of a process that runs already depends on the tests before.
    EXPECT_EQ(systemctl("restart"), "");
    expect_working();
    const pid_t pid = daemon_pid();
    ASSERT_TRUE(wait_until_idle(pid));
    const std::uint64_t kibibytes = sum_of("Private_", "/proc/" + std::to_string(pid) + "/smaps_rollup");
    RecordProperty("private_kib", std::to_string(kibibytes));
    std::printf("private memory: %ju KiB\n", static_cast<std::uintmax_t>(kibibytes));
    EXPECT_GT(kibibytes, 0U);
    EXPECT_LE(kibibytes, 4096U);
}

TEST_F(Service, UnitIsSandboxed)
{
    const Result result = run({"systemd-analyze", "security", "--no-pager", "--threshold=15", "drvbusd.service"});
    EXPECT_EQ(result.status, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("Overall exposure level for drvbusd.service"));
}

TEST_F(Service, InstalledUnitAndUserAreValid)
{
    const Result result = run({"systemd-analyze", "verify", "/usr/lib/systemd/system/drvbusd.service"});
    EXPECT_THAT(result.output, Not(HasSubstr("drvbusd.service:"))) << result.output;
    EXPECT_THAT(shell("id drvbus").output, HasSubstr("(drvbus)"));
    EXPECT_EQ(systemctl("enable"), "");
    EXPECT_EQ(run({"systemctl", "is-enabled", "drvbusd"}).output, "enabled\n");
    EXPECT_EQ(systemctl("disable"), "");
}

}  // namespace
}  // namespace drvbus::test

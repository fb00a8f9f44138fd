// SPDX-License-Identifier: LGPL-2.1-or-later
#include "daemon_test.hpp"

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <utility>

#include <sys/socket.h>

#include "observer.hpp"

namespace drvbus::test {

std::vector<std::string> DaemonTest::command() const
{
    const char* const drvbusd = std::getenv("DRVBUSD");
    if (drvbusd == nullptr)
        throw std::runtime_error("set DRVBUSD to the path of the drvbusd under test");
    const char* const presets = std::getenv("DRVBUS_PRESETS");
    if (presets == nullptr)
        throw std::runtime_error("set DRVBUS_PRESETS to the directory of the presets under test");
    return {drvbusd, "--session", "--config", config_file(), "--presets", presets};
}

void DaemonTest::configure(const std::string& text) const
{
    directory_.file("drvbusd.toml", text);
}

void DaemonTest::start(const std::string& configuration, Process::Options options)
{
    start_with(command(), configuration, std::move(options));
}

void DaemonTest::start_with(const std::vector<std::string>& command, const std::string& configuration,
                            Process::Options options)
{
    configure(configuration);
    // The daemon must not see the service manager of the test itself.
    for (const char* const variable :
         {"JOURNAL_STREAM", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC"})
        options.environment.emplace_back(variable);
    for (const std::string& variable : bus_.environment())
        options.environment.push_back(variable);
    daemon_.emplace(command, options);
    wait_until_ready();
}

void DaemonTest::wait_until_ready()
{
    const Observer observer(bus_.address());
    bool ended = false;
    const bool answers = wait_until([&] {
        ended = daemon_->wait(0ms).has_value();
        try {
            return ended || !observer.manager().Version().empty();
        } catch (const sdbus::Error&) {
            return false;
        }
    });
    if (ended || !answers)
        throw std::runtime_error("drvbusd did not start: " + daemon_->output());
}

std::vector<UniqueFd> DaemonTest::connections() const
{
    return sockets_of(daemon_->pid(), SO_TYPE, SOCK_STREAM);
}

void DaemonTest::shrink_send_buffer() const
{
    const std::vector<UniqueFd> streams = connections();
    ASSERT_EQ(streams.size(), 1U) << "streams of the daemon";
    const int bytes = 32768;
    must(setsockopt(streams.front().get(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), "SO_SNDBUF");
}

void DaemonTest::TearDown()
{
    if (daemon_ && !daemon_->wait(0ms)) {
        daemon_->signal(SIGTERM);
        EXPECT_EQ(daemon_->wait(), 0);
    }
    if (daemon_ && HasFailure())
        std::cerr << "drvbusd wrote:\n" << daemon_->output();
}

std::string channel(const std::string& name, const std::string& device, const std::string& settings)
{
    return "[[channel]]\nname = \"" + name + "\"\ndevice = \"" + device + "\"\n" + settings;
}

std::string reason_for(const std::string& state, const Subscriber& subscriber)
{
    wait_until([&] { return subscriber.channel().State() == state; });
    EXPECT_EQ(subscriber.channel().State(), state);
    return subscriber.channel().Reason();
}

std::string state_of(const Subscriber& subscriber)
{
    const std::string reason = subscriber.channel().Reason();
    return subscriber.channel().State() + (reason.empty() ? "" : ": " + reason);
}

std::string summary(const Subscriber& subscriber)
{
    const Received received = subscriber.received();
    return std::to_string(received.events.size()) + " events and " + std::to_string(received.lost_count()) +
           " lost were received";
}

}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "service.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "sim.hpp"
#include "support/process.hpp"
#include "support/subscriber.hpp"

namespace drvbus::test {

namespace {

constexpr const char* kDropIns = "/etc/drvbus/drvbusd.toml.d";

void reload()
{
    // Before the first channel there is no daemon to reload: it will read the file as it starts.
    if (daemon_pid() == 0)
        return;
    const Result result = run({"systemctl", "reload", "drvbusd"});
    if (result.status != 0)
        throw std::runtime_error("systemctl reload drvbusd: " + result.output);
}

bool present(const std::string& name)
{
    return run({"busctl", "get-property", "org.drvbus1", channel_path(name), "org.drvbus1.Channel", "Name"}).status ==
           0;
}

}  // namespace

std::string unit_property(const std::string& property)
{
    std::string value = run({"systemctl", "show", "drvbusd", "--value", "--property", property}).output;
    while (value.ends_with('\n'))
        value.pop_back();
    return value;
}

pid_t daemon_pid()
{
    return std::stoi(unit_property("MainPID"));
}

bool wait_for_channel(const std::string& name)
{
    return wait_until([&] { return present(name); });
}

bool wait_for_no_channel(const std::string& name)
{
    return wait_until([&] { return !present(name); });
}

Monitor::Monitor(const std::string& user)
    : process_({"runuser", "-u", user, "--", "gdbus", "monitor", "--system", "--dest", "org.drvbus1"})
{
    // It does not say when its match is in place, so it is shown something until it shows it.
    static int number = 0;
    const bool listens = wait_until([&] {
        const std::string name = "probe" + std::to_string(++number);
        const SimChannel probe(name);
        return wait_until([&] { return output().find("/channel/" + name) != std::string::npos; }, 2s);
    });
    if (!listens)
        throw std::runtime_error("gdbus monitor does not listen: " + output());
}

bool Monitor::shows(const std::string& text) const
{
    return wait_until([&] { return output().find(text) != std::string::npos; });
}

Configured::Configured(const std::string& text)
{
    std::filesystem::create_directories(kDropIns);
    std::ofstream(std::string(kDropIns) + "/test.toml") << text;
    reload();
}

Configured::~Configured()
{
    std::filesystem::remove(std::string(kDropIns) + "/test.toml");
    try {
        reload();
    } catch (const std::runtime_error&) {
        // The next test will tell.
    }
}

}  // namespace drvbus::test

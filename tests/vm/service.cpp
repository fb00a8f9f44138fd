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
    // Before the first channel the daemon does not run: it will read the file when it starts.
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
    // gdbus does not report when its match is in place: create channels until it shows one.
    static int number = 0;
    const bool ready = wait_until([&] {
        const std::string name = "probe" + std::to_string(++number);
        const SimChannel probe(name);
        return wait_until([&] { return output().find("/channel/" + name) != std::string::npos; }, 2s);
    });
    if (!ready)
        throw std::runtime_error("gdbus monitor shows no signals: " + output());
}

bool Monitor::shows(const std::string& text) const
{
    return wait_until([&] { return output().find(text) != std::string::npos; });
}

ConfigDropIn::ConfigDropIn(const std::string& text)
{
    std::filesystem::create_directories(kDropIns);
    std::ofstream(std::string(kDropIns) + "/test.toml") << text;
    reload();
}

ConfigDropIn::~ConfigDropIn()
{
    std::filesystem::remove(std::string(kDropIns) + "/test.toml");
    try {
        reload();
    } catch (const std::runtime_error&) {
        // The next test fails and reports it.
    }
}

}  // namespace drvbus::test

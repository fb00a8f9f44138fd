// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sim.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "support/process.hpp"

namespace drvbus::test {

namespace {

void must(int error, const std::string& what)
{
    if (error != 0)
        throw std::system_error(error, std::generic_category(), what);
}

}  // namespace

SimChannel::SimChannel(std::string name, const Settings& settings, bool live)
    : name_(std::move(name)), directory_("/sys/kernel/config/drvbus_sim/" + name_)
{
    if (access("/sys/kernel/config/drvbus_sim", F_OK) < 0) {
        const Result result = run({"modprobe", "drvbus_sim"});
        if (result.status != 0)
            throw std::runtime_error("modprobe drvbus_sim: " + result.output);
    }
    must(mkdir(directory_.c_str(), 0755) < 0 ? errno : 0, directory_);
    must(set("depth", std::to_string(settings.depth)), "depth");
    must(set("payload_size", std::to_string(settings.payload_size)), "payload_size");
    if (!settings.format.empty())
        must(set("format", settings.format), "format");
    if (!settings.event_names.empty())
        must(set("event_names", settings.event_names), "event_names");
    if (settings.legacy)
        must(set("legacy", "1"), "legacy");
    if (live)
        must(this->live(true), "live");
}

SimChannel::~SimChannel()
{
    remove();
}

int SimChannel::set(const std::string& attribute, const std::string& value) const
{
    return write_file(directory_ + "/" + attribute, value);
}

int SimChannel::emit(std::uint32_t id, const std::string& payload, bool urgent) const
{
    return set("emit", std::to_string(id) + (urgent ? " urgent" : "") + (payload.empty() ? "" : " " + payload));
}

int SimChannel::burst(std::uint64_t count) const
{
    return set("burst", std::to_string(count));
}

int SimChannel::remove()
{
    return rmdir(directory_.c_str()) < 0 ? errno : 0;
}

std::uint64_t SimChannel::sysfs(const std::string& attribute) const
{
    return std::stoull(read_file("/sys/class/drvbus/" + name_ + "/" + attribute));
}

std::string hex(std::uint64_t value, std::size_t size)
{
    std::string text;
    for (std::size_t i = 0; i < size; ++i) {
        std::array<char, 3> digits{};
        std::snprintf(digits.data(), digits.size(), "%02x", static_cast<unsigned>(value >> (8 * i) & 0xff));
        text += digits.data();
    }
    return text;
}

}  // namespace drvbus::test

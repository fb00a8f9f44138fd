// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/device_allow.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <linux/major.h>
#include <sys/sysmacros.h>

namespace drvbus::cli {

std::string device_allow_specifier(const DeviceInfo& info)
{
    // Unrelated devices such as memory, consoles and virtual machines share these majors. A drop-in for one of them
    // must not allow all.
    constexpr std::array<unsigned, 4> kSharedMajors{MEM_MAJOR, TTY_MAJOR, TTYAUX_MAJOR, MISC_MAJOR};
    const bool character = info.type == DeviceInfo::Type::character_device;
    const bool shared =
        character && std::ranges::find(kSharedMajors, major(info.status.st_rdev)) != kSharedMajors.end();
    if (shared || info.major_name.empty() || info.major_name.find('/') != std::string::npos)
        return {};
    return (character ? "char-" : "block-") + info.major_name;
}

std::string device_allow_specifier(const device::Match& match)
{
    // Subsystems, and the names of their major numbers in /proc/devices.
    constexpr std::pair<const char*, const char*> kSubsystems[] = {
        {"drvbus", "char-drvbus"}, {"gpio", "char-gpiochip"}, {"hidraw", "char-hidraw"}, {"iio", "char-iio"},
        {"input", "char-input"},   {"pps", "char-pps"},       {"ptp", "char-ptp"},       {"rtc", "char-rtc"},
        {"sound", "char-alsa"},    {"uio", "char-uio"},
    };
    for (const auto& [subsystem, group] : kSubsystems) {
        if (match.subsystem == subsystem)
            return group;
    }
    const std::size_t prefix = match.sysname.starts_with(device::kGlob) ? device::kGlob.size() : 0;
    for (const char* const name : {"ttyACM", "ttyUSB"}) {
        if (match.subsystem == "tty" && match.sysname.substr(prefix).starts_with(name))
            return std::string("char-") + name;
    }
    return {};
}

}  // namespace drvbus::cli

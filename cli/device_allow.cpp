// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/device_allow.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <linux/major.h>
#include <sys/sysmacros.h>

namespace drvbus::cli {

std::string device_group(const Identity& identity)
{
    // Memory, consoles, virtual machines: whoever may have one of these should not have them all.
    constexpr std::array<unsigned, 4> kMixed{MEM_MAJOR, TTY_MAJOR, TTYAUX_MAJOR, MISC_MAJOR};
    const bool character = identity.sort == Identity::Sort::character;
    const bool mixed = character && std::ranges::find(kMixed, major(identity.status.st_rdev)) != kMixed.end();
    if (mixed || identity.group.empty() || identity.group.find('/') != std::string::npos)
        return {};
    return (character ? "char-" : "block-") + identity.group;
}

std::string device_group(const device::Match& match)
{
    // Names of subsystems, and those in /proc/devices.
    constexpr std::pair<const char*, const char*> kKnown[] = {
        {"drvbus", "char-drvbus"}, {"gpio", "char-gpiochip"}, {"hidraw", "char-hidraw"}, {"iio", "char-iio"},
        {"input", "char-input"},   {"pps", "char-pps"},       {"ptp", "char-ptp"},       {"rtc", "char-rtc"},
        {"sound", "char-alsa"},    {"uio", "char-uio"},
    };
    for (const auto& [subsystem, group] : kKnown) {
        if (match.subsystem == subsystem)
            return group;
    }
    for (const char* const line : {"ttyACM", "ttyUSB"}) {
        if (match.subsystem == "tty" && match.sysname.starts_with(line))
            return std::string("char-") + line;
    }
    return {};
}

}  // namespace drvbus::cli

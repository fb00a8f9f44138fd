// SPDX-License-Identifier: LGPL-2.1-or-later
#include <cstdlib>

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/quoting.hpp"
#include "cli/unit_requirements.hpp"

namespace drvbus::cli {

namespace {

constexpr const char* kHeader = "# Gives drvbusd.service access to the configured devices. To install it:\n"
                                "#   mkdir -p /etc/systemd/system/drvbusd.service.d\n"
                                "#   drvbusctl unit-dropin > /etc/systemd/system/drvbusd.service.d/devices.conf\n"
                                "#   systemctl daemon-reload; systemctl restart drvbusd\n"
                                "[Service]\n";

std::string groups_setting(const std::set<std::string>& groups)
{
    std::string words;
    for (const std::string& group : groups) {
        if (const auto word = unit_word(group))
            words += " " + *word;
    }
    return words.empty() ? ""
                         : fmt::format("\n# Groups that own the devices:\nSupplementaryGroups={}\n", words.substr(1));
}

}  // namespace

int print_unit_dropin(const ConfigPath& path)
{
    const Config config = load_config(path);
    UnitRequirements requirements;
    for (const auto& [name, channel] : config.channels)
        requirements.add(name, channel);
    std::string text = kHeader + requirements.text() + groups_setting(requirements.groups());
    if (requirements.text().empty())
        text += "# Nothing: no device is configured, and the service already has access to devices of class drvbus.\n";
    print(text);
    return EXIT_SUCCESS;
}

}  // namespace drvbus::cli

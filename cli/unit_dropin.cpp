// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/commands.hpp"

#include <cstdlib>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/quoting.hpp"
#include "cli/unit_requirements.hpp"

namespace drvbus::cli {

namespace {

constexpr const char* kHeader = "# What the devices of drvbusd's configuration need. To install it:\n"
                                "#   mkdir -p /etc/systemd/system/drvbusd.service.d\n"
                                "#   drvbusctl unit-dropin > /etc/systemd/system/drvbusd.service.d/devices.conf\n"
                                "#   systemctl daemon-reload; systemctl restart drvbusd\n"
                                "[Service]\n";

std::string groups_line(const std::set<std::string>& groups)
{
    std::string words;
    for (const std::string& group : groups) {
        if (const auto word = unit_word(group))
            words += " " + *word;
    }
    return words.empty() ? "" : fmt::format("\n# Groups that own them:\nSupplementaryGroups={}\n", words.substr(1));
}

}  // namespace

int print_unit_dropin(const ConfigPath& path)
{
    const Config config = load_config(path);
    UnitNeeds needs;
    for (const auto& [name, channel] : config.channels)
        needs.add(name, channel);
    std::string text = kHeader + needs.text() + groups_line(needs.groups());
    if (needs.text().empty())
        text += "# Nothing: no channel has a device of its own, and those of drvbus drivers are let in already.\n";
    print(text);
    return EXIT_SUCCESS;
}

}  // namespace drvbus::cli

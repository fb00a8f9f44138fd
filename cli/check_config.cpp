// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/commands.hpp"

#include <cstdlib>

#include <fmt/format.h>

#include "base/event_loop.hpp"
#include "cli/channel_check.hpp"
#include "cli/quoting.hpp"
#include "device/open.hpp"
#include "notification/sigio.hpp"

namespace drvbus::cli {

namespace {

std::string place_of(const ConfigPath& path)
{
    const std::string file = path.file.string();
    return printable(device::node_exists(file) ? file : file + " (not there: that is fine)");
}

}  // namespace

int check_config(const ConfigPath& path)
{
    const Config config = load_config(path);
    print(fmt::format("configuration: {}, log level {}, channels: {}\n", place_of(path), config.log_level,
                      config.channels.size()));
    if (config.channels.empty())
        print("Channels of drvbus drivers (class drvbus) need no configuration: they are found as they come.\n");
    const EventLoop loop;
    notification::SigioDispatcher sigio(loop);
    ChannelCheck check(loop, sigio);
    unsigned absent = 0;
    unsigned faulty = 0;
    for (const auto& [name, channel] : config.channels) {
        print("\n" + check.explain(name, channel));
        absent += check.verdict() == ChannelCheck::Verdict::absent ? 1 : 0;
        faulty += check.verdict() == ChannelCheck::Verdict::faulty ? 1 : 0;
    }
    if (!config.channels.empty())
        print(fmt::format("\n{} could work now, {} not there, {} could not work\n",
                          config.channels.size() - absent - faulty, absent, faulty));
    return faulty == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace drvbus::cli

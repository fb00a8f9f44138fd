// SPDX-License-Identifier: LGPL-2.1-or-later
#include <cstdlib>

#include <fmt/format.h>

#include "base/event_loop.hpp"
#include "cli/channel_check.hpp"
#include "cli/commands.hpp"
#include "cli/input_check.hpp"
#include "cli/output.hpp"
#include "cli/quoting.hpp"
#include "device/open.hpp"
#include "notification/sigio.hpp"

namespace drvbus::cli {

namespace {

std::string describe(const ConfigPath& path)
{
    const std::string file = path.file.string();
    return printable(device::node_exists(file) ? file : file + " (does not exist, which is no error)");
}

}  // namespace

int check_config(const ConfigPath& path, std::chrono::seconds duration)
{
    const Config config = load_config(path);
    print(fmt::format("configuration: {}, log level {}, channels: {}\n", describe(path), config.log_level,
                      config.channels.size()));
    if (config.channels.empty())
        print("Devices of class drvbus need no configuration: the daemon finds them.\n");
    const EventLoop loop;
    notification::SigioDispatcher sigio(loop);
    InputCheck input(duration);
    const bool reads = duration.count() > 0;
    if (reads && !config.channels.empty())
        print(fmt::format("reading each device for {} s (Ctrl-C ends it); other programs will not get the data that is "
                          "read here\n",
                          duration.count()));
    ChannelCheck check(loop, sigio, reads ? &input : nullptr);
    unsigned absent = 0;
    unsigned unusable = 0;
    for (const auto& [name, channel] : config.channels) {
        print("\n" + check.check(name, channel));
        absent += check.verdict() == ChannelCheck::Verdict::absent ? 1 : 0;
        unusable += check.verdict() == ChannelCheck::Verdict::unusable ? 1 : 0;
    }
    if (!config.channels.empty())
        print(fmt::format("\n{} usable, {} absent, {} unusable\n", config.channels.size() - absent - unusable, absent,
                          unusable));
    return unusable == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace drvbus::cli

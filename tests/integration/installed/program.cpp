// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A program outside the source tree. installed_client_test.cpp compiles it with the installed files of libdrvbus.
#include <cstdio>

#include <drvbus/subscription.hpp>

static_assert(DRVBUS_CLIENT_CHECK_VERSION(0, 1, 0) &&
              !DRVBUS_CLIENT_CHECK_VERSION(DRVBUS_CLIENT_VERSION_MAJOR + 1, 0, 0));
static_assert(DRVBUS_CLIENT_INTERFACE_VERSION == 1);

int main()
{
    sd_event* loop = nullptr;
    if (sd_event_default(&loop) < 0)
        return 1;
    std::printf("%s %s\n", DRVBUS_CLIENT_VERSION, drvbus::client::Connection(loop).daemon_version().c_str());
    const auto print = [&](const drvbus::client::Event& event) {
        std::printf("%s %d\n", event.name.c_str(), static_cast<int>(event.sequence));
        sd_event_exit(loop, 0);
    };
    const drvbus::client::Subscription subscription(loop, "sensor", {.event = print});
    return sd_event_loop(loop);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Prints every event of a channel once and in order, with the client library. This includes events from before the
// program started, events from a time when the daemon or the bus was absent, and events that the bus dropped because
// the program was too slow. If events cannot be recovered, prints their number.
//
// usage: drvbus-follow CHANNEL
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <string>

#include <systemd/sd-event.h>

#include <drvbus/subscription.hpp>

namespace {

using drvbus::client::Counters;
using drvbus::client::Event;
using drvbus::client::Handlers;
using drvbus::client::Subscription;

Handlers printer()
{
    return {.event =
                [](const Event& event) {
                    std::cout << event.sequence << ' ' << event.name << " id=" << event.id << " time=" << event.time
                              << " data=" << event.data.peekValueType() << '\n';
                },
            .lost =
                [](std::uint64_t first, std::uint64_t count) {
                    std::cout << "lost " << (count > 0 ? std::to_string(count) : "an unknown number") << " from "
                              << first << '\n';
                },
            .replaced =
                [](bool complete) {
                    std::cout << (complete ? "new instance\n"
                                           : "new instance; more events of the previous one may be lost\n");
                }};
}

/// Prints the counters if they changed.
void report(const Counters& counters)
{
    static Counters printed;
    if (counters != printed)
        std::cout << "signals " << counters.signals << " repeats " << counters.repeats << " fetched "
                  << counters.fetched << '\n';
    printed = counters;
    std::cout.flush();
}

void report_failure(const sdbus::Error& error)
{
    std::cout.flush();
    std::cerr << "drvbus-follow: " << error.what() << '\n';
}

struct LoopDeleter {
    void operator()(sd_event* loop) const noexcept { sd_event_unref(loop); }
};

}  // namespace

int main(int argc, char** argv)
try {
    if (argc != 2) {
        std::cerr << "usage: drvbus-follow CHANNEL\n";
        return EXIT_FAILURE;
    }
    sd_event* created = nullptr;
    if (sd_event_default(&created) < 0)
        return EXIT_FAILURE;
    const std::unique_ptr<sd_event, LoopDeleter> loop(created);
    const Subscription subscription(loop.get(), argv[1], printer(), {.caught_up = report, .failed = report_failure});
    return sd_event_loop(loop.get()) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
} catch (const std::exception& error) {
    std::cerr << "drvbus-follow: " << error.what() << '\n';
    return EXIT_FAILURE;
}

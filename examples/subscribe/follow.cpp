// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Prints every event of a channel, once and in order: also those from before it was started, from while the
// daemon or the bus was away, and those that the bus dropped because this program was too slow.
//
// usage: drvbus-follow CHANNEL
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include <drvbus/follower.hpp>

namespace {

constexpr std::uint64_t kEverySoOften = 1'000'000;  // us

std::string object_path(const char* channel)
{
    char* path = nullptr;
    if (sd_bus_path_encode("/org/drvbus1/channel", channel, &path) < 0)
        throw std::bad_alloc();
    std::string result(path);
    std::free(path);
    return result;
}

drvbus::Handlers printer()
{
    return {.event =
                [](const drvbus::Event& event) {
                    std::cout << event.sequence << ' ' << event.name << " id=" << event.id << " time=" << event.time
                              << " data=" << event.data.peekValueType() << '\n';
                },
            .lost = [](std::uint64_t first,
                       std::uint64_t count) { std::cout << "lost " << count << " from " << first << '\n'; },
            .instance =
                [](bool to_the_end) {
                    std::cout << (to_the_end ? "another instance\n"
                                             : "another instance; more of the one before may be lost\n");
                }};
}

/// A connection and what is followed on it; made anew, at the same position, when the bus ends it.
class Session {
public:
    Session(sd_event* event, std::string path) : event_(event), path_(std::move(path)) {}

    /// To be called every so often: connects where there is no connection, and asks for what was missed.
    void tend()
    {
        try {
            if (follower_ && sd_bus_is_open(bus_->handle) <= 0)
                disconnect();
            if (!follower_)
                connect();
            follower_->catch_up();
            report();
        } catch (const sdbus::Error& error) {
            std::cerr << "drvbus-follow: " << error.what() << '\n';  // the next time may be better
        }
        std::cout.flush();
    }

private:
    /// How many signals came, how many of them twice, and what had to be asked for, since the connection was made.
    void report()
    {
        const std::string sums = "signals " + std::to_string(follower_->signals()) + " repeats " +
                                 std::to_string(follower_->repeats()) + " fetched " +
                                 std::to_string(follower_->fetched());
        if (sums != reported_)
            std::cout << sums << '\n';
        reported_ = sums;
    }

    void connect()
    {
        bus_ = drvbus::client::open_bus(true);
        sd_bus_attach_event(bus_->handle, event_, SD_EVENT_PRIORITY_NORMAL);
        follower_.emplace(*bus_->connection, path_, printer(), position_);
    }

    void disconnect()
    {
        position_ = follower_->position();
        follower_.reset();
        sd_bus_detach_event(bus_->handle);
        bus_.reset();
    }

    sd_event* event_;
    std::string path_;
    drvbus::Position position_;
    std::string reported_;
    std::optional<drvbus::client::OpenedBus> bus_;
    std::optional<drvbus::ChannelFollower> follower_;
};

int on_time(sd_event_source* timer, std::uint64_t /*usec*/, void* session)
{
    static_cast<Session*>(session)->tend();
    return sd_event_source_set_time_relative(timer, kEverySoOften);
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc != 2) {
        std::cerr << "usage: drvbus-follow CHANNEL\n";
        return EXIT_FAILURE;
    }
    sd_event* event = nullptr;
    sd_event_source* timer = nullptr;
    if (sd_event_default(&event) < 0)
        return EXIT_FAILURE;
    Session session(event, object_path(argv[1]));
    if (sd_event_add_time_relative(event, &timer, CLOCK_MONOTONIC, 0, 0, on_time, &session) < 0 ||
        // Behind all signals that have come.
        sd_event_source_set_priority(timer, SD_EVENT_PRIORITY_IDLE) < 0 ||
        sd_event_source_set_enabled(timer, SD_EVENT_ON) < 0)
        return EXIT_FAILURE;
    return sd_event_loop(event) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

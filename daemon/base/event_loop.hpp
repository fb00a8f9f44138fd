// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include <systemd/sd-event.h>

#include "base/unique_fd.hpp"

namespace drvbus {

/// Unreferences an sd-event source after disabling it, so that its callback never runs again.
struct EventSourceDeleter {
    void operator()(sd_event_source* source) const noexcept { sd_event_source_disable_unref(source); }
};

/// Something that the event loop waits for, with its callback. Destroying it, or `reset`, stops the waiting; the
/// callback never runs after that.
class EventSource {
public:
    EventSource() = default;

    /// Starts (true) or stops (false) waiting.
    void enable(bool on) const;
    /// Starts waiting, and stops when the callback has run once.
    void enable_once() const;

    [[nodiscard]] sd_event_source* get() const noexcept { return source_.get(); }
    explicit operator bool() const noexcept { return source_ != nullptr; }
    void reset() noexcept { source_.reset(); }

private:
    friend class EventLoop;
    using Callback = std::function<void(std::uint32_t)>;
    // A pointer, because sd-event keeps the address of the callback while the EventSource may be moved. Declared first,
    // because it must outlive the source that calls it.
    std::unique_ptr<Callback> callback_;
    std::unique_ptr<sd_event_source, EventSourceDeleter> source_;
};

/// A callback that the event loop runs on request.
///
/// This is not sd-event's own defer source: one that enables itself again each time it runs keeps its place before all
/// other sources of its priority, and none of them ever runs. An eventfd takes its turn like any other source.
class DeferredCall {
public:
    /// Runs the callback once, in the next iteration of the event loop.
    void request() const;

    explicit operator bool() const noexcept { return static_cast<bool>(source_); }
    void reset() noexcept { source_.reset(); }

private:
    friend class EventLoop;
    UniqueFd wake_;  // declared first, because the source watches it
    EventSource source_;
};

/// The daemon's sd-event loop. An exception that leaves a callback ends `run` and leaves it as well. One thread only.
class EventLoop {
public:
    /// Sources with a lower value run first; sources of one priority run in the order in which they became ready. The
    /// bus, the devices and the turns of channels have the same priority, so that none of them starves the others.
    enum class Priority : std::int8_t { signal = -10, normal = 0, idle = 10 };

    EventLoop();

    /// Waits for epoll events of a file descriptor. The callback gets the events.
    /// @param fd stays owned by the caller and must outlive the source
    [[nodiscard]] EventSource watch(int fd, std::uint32_t epoll_events, Priority priority,
                                    std::function<void(std::uint32_t)> callback) const;
    /// A timer that runs only after `start`.
    [[nodiscard]] EventSource timer(Priority priority, std::function<void()> callback) const;
    /// Runs the callback once, `after` from now.
    static void start(const EventSource& timer, std::chrono::microseconds after);
    /// A callback that runs after `DeferredCall::request`.
    [[nodiscard]] DeferredCall deferred(Priority priority, std::function<void()> callback) const;
    /// A callback that runs after each iteration in which another source ran. It is disabled until
    /// `EventSource::enable`.
    [[nodiscard]] EventSource after_each(Priority priority, std::function<void()> callback) const;
    /// Blocks the signal in the calling thread, and runs the callback when the process gets it.
    [[nodiscard]] EventSource signal(int signal_number, std::function<void()> callback) const;

    /// Sends keep-alive messages to systemd's watchdog while the loop runs, if WatchdogSec= is set.
    void use_watchdog() const;

    /// Runs until `stop` is called. @returns the argument of `stop`
    int run();
    void stop(int exit_code) const;

    [[nodiscard]] sd_event* get() const noexcept { return event_.get(); }

private:
    struct EventDeleter {
        void operator()(sd_event* event) const noexcept { sd_event_unref(event); }
    };

    std::unique_ptr<sd_event, EventDeleter> event_;
};

}  // namespace drvbus

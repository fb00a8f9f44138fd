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

/// One thing the loop waits for. Its callback lives as long as it.
class EventSource {
public:
    EventSource() = default;

    /// Waits on (true) or ignores (false) what the source stands for.
    void enable(bool on) const;
    /// Runs the callback once, after the time of a timer.
    void enable_once() const;

    [[nodiscard]] sd_event_source* get() const noexcept { return source_.get(); }
    explicit operator bool() const noexcept { return source_ != nullptr; }
    void reset() noexcept { source_.reset(); }

private:
    friend class EventLoop;
    using Callback = std::function<void(std::uint32_t)>;
    // The callback is behind a pointer because sd-event keeps its address while the EventSource may move.
    // Declared first: it has to outlive the source that calls it.
    std::unique_ptr<Callback> callback_;
    std::unique_ptr<sd_event_source, EventSourceDeleter> source_;
};

/// Work for the loop's next turn.
///
/// Not sd-event's own deferred source: one that asks for another turn each time it runs counts as waiting since
/// its creation, goes before every other source of its priority, and lets none of them run.
class DeferredCall {
public:
    /// Runs the callback once, at the loop's next turn.
    void request() const;

    explicit operator bool() const noexcept { return static_cast<bool>(source_); }
    void reset() noexcept { source_.reset(); }

private:
    friend class EventLoop;
    UniqueFd wake_;  // before what watches it
    EventSource source_;
};

/// sd-event's loop. A callback that throws ends `run` with that exception.
class EventLoop {
public:
    /// Lower runs first; those of one priority run in the order in which they became ready. The bus, the
    /// devices and the work on channels are one priority, so that no flood of one keeps the others waiting.
    enum class Priority : std::int8_t { signal = -10, normal = 0, idle = 10 };

    EventLoop();

    /// Calls back with the epoll events seen.
    [[nodiscard]] EventSource watch(int fd, std::uint32_t epoll_events, Priority priority,
                                    std::function<void(std::uint32_t)> callback) const;
    /// A timer that is off until `start`.
    [[nodiscard]] EventSource timer(Priority priority, std::function<void()> callback) const;
    /// Runs the callback once, `after` from now.
    static void start(const EventSource& timer, std::chrono::microseconds after);
    /// Work that waits for `Deferred::request`.
    [[nodiscard]] DeferredCall deferred(Priority priority, std::function<void()> callback) const;
    /// Work that is off until `EventSource::enable`, and then runs after every turn in which something happened.
    [[nodiscard]] EventSource after_each(Priority priority, std::function<void()> callback) const;
    /// Blocks the signal in the thread and calls back on it.
    [[nodiscard]] EventSource signal(int signal_number, std::function<void()> callback) const;

    /// Tells systemd's watchdog that the loop turns, where systemd asks for it.
    void use_watchdog() const;

    /// Runs until `stop`. @returns what `stop` was given
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

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <systemd/sd-event.h>

#include "base/unique_fd.hpp"

namespace drvbus {

/// Unreferences an sd-event source after disabling it, so that its callback never runs again.
struct EventSourceDeleter {
    void operator()(sd_event_source* source) const noexcept { sd_event_source_disable_unref(source); }
};

/// Something that the event loop waits for, with its callback. After it was destroyed or `reset`, the callback does not
/// run again.
class EventSource {
public:
    EventSource() = default;

    /// Makes the loop wait for this source (true) or ignore it (false).
    void enable(bool on) const;
    /// Enables the source until its callback has run once.
    void enable_once() const;

    [[nodiscard]] sd_event_source* get() const noexcept { return source_.get(); }
    explicit operator bool() const noexcept { return source_ != nullptr; }
    void reset() noexcept { source_.reset(); }

private:
    friend class EventLoop;
    using Callback = std::function<void(std::uint32_t)>;
    using DirectoryCallback = std::function<void(std::string_view)>;
    // A pointer, because sd-event keeps the address of the callback while the EventSource may be moved. Declared first,
    // because it must outlive the source that calls it. A Callback, or for a directory a DirectoryCallback.
    std::shared_ptr<void> callback_;
    std::unique_ptr<sd_event_source, EventSourceDeleter> source_;
};

/// A callback that the event loop runs on request.
///
/// This is an eventfd and not a defer source of sd-event. A defer source that enables itself each time it runs precedes
/// every other source of its priority, so those would never run.
class DeferredCall {
public:
    /// Runs the callback once, in the next iteration of the event loop.
    void request() const noexcept;

    explicit operator bool() const noexcept { return static_cast<bool>(source_); }
    void reset() noexcept { source_.reset(); }

private:
    friend class EventLoop;
    UniqueFd wake_;  // declared before the source that watches it, so that it is closed after the source is destroyed
    EventSource source_;
};

/// The daemon's sd-event loop. If a callback throws, `run` ends and throws the same exception. All calls must come from
/// one thread.
class EventLoop {
public:
    /// Sources with a lower value run first; sources of one priority run in the order in which they became ready. The
    /// bus, the devices and the turns of channels have the same priority, so that none of them starves the others.
    /// `next` is for short work that has to follow the source that requested it, before other sources run.
    enum class Priority : std::int8_t { signal = -10, next = -5, normal = 0, idle = 10 };

    EventLoop();

    /// Waits for epoll events of a file descriptor. The callback gets the events that occurred.
    /// @param epoll_events EPOLLIN and others, with EPOLLET if the callback is to run once for each edge
    /// @param fd stays owned by the caller and must outlive the source
    [[nodiscard]] EventSource watch(int fd, std::uint32_t epoll_events, Priority priority,
                                    std::function<void(std::uint32_t)> callback) const;
    /// Waits for changes of a directory, as inotify(7) reports them. The callback gets the name of the entry that has
    /// changed. The name is empty if the directory itself has changed, or if changes may have been missed.
    /// @param mask IN_CREATE and others
    /// @throws std::system_error if the directory cannot be read, or if the limit of inotify is reached
    [[nodiscard]] EventSource watch_directory(const std::string& path, std::uint32_t mask,
                                              std::function<void(std::string_view)> callback) const;
    /// A timer that runs only after `start`.
    [[nodiscard]] EventSource timer(Priority priority, std::function<void()> callback) const;
    /// Runs the callback of `timer` once, when the time `after` has passed.
    static void start(const EventSource& timer, std::chrono::microseconds after);
    /// A callback that runs after `DeferredCall::request`.
    [[nodiscard]] DeferredCall deferred(Priority priority, std::function<void()> callback) const;
    /// A callback that runs after each iteration in which another source ran. It is disabled until
    /// `EventSource::enable`.
    [[nodiscard]] EventSource after_each(Priority priority, std::function<void()> callback) const;
    /// Blocks the signal in the calling thread, and runs the callback when the process receives it.
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

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/event_loop.hpp"

#include <cerrno>
#include <exception>
#include <utility>

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "base/errno.hpp"

namespace drvbus {

namespace {

// An exception must not pass through libsystemd, which is written in C. `call` stores it here, and `run` throws it
// after sd_event_loop() has returned.
std::exception_ptr pending_exception;

/// Calls the callback of type `Callback` at `userdata`.
template <typename Callback, typename Argument>
int call(sd_event_source* source, Argument argument, void* userdata) noexcept
{
    try {
        (*static_cast<Callback*>(userdata))(argument);
    } catch (...) {
        pending_exception = std::current_exception();
        sd_event_exit(sd_event_source_get_event(source), EXIT_FAILURE);
    }
    return 0;
}

int call(sd_event_source* source, std::uint32_t events, void* userdata) noexcept
{
    return call<std::function<void(std::uint32_t)>>(source, events, userdata);
}

int on_io(sd_event_source* source, int /*fd*/, std::uint32_t revents, void* userdata) noexcept
{
    return call(source, revents, userdata);
}

int on_time(sd_event_source* source, std::uint64_t /*usec*/, void* userdata) noexcept
{
    return call(source, 0, userdata);
}

int on_defer(sd_event_source* source, void* userdata) noexcept
{
    return call(source, 0, userdata);
}

int on_signal(sd_event_source* source, const struct signalfd_siginfo* /*info*/, void* userdata) noexcept
{
    return call(source, 0, userdata);
}

int on_inotify(sd_event_source* source, const inotify_event* event, void* userdata) noexcept
{
    const std::string_view name = event->len == 0 ? std::string_view() : std::string_view(event->name);
    return call<std::function<void(std::string_view)>>(source, name, userdata);
}

std::shared_ptr<void> ignoring_events(std::function<void()> callback)
{
    return std::make_shared<std::function<void(std::uint32_t)>>(
        [callback = std::move(callback)](std::uint32_t) { callback(); });
}

}  // namespace

void EventSource::enable(bool on) const
{
    check(sd_event_source_set_enabled(source_.get(), on ? SD_EVENT_ON : SD_EVENT_OFF), "sd_event_source_set_enabled");
}

void EventSource::enable_once() const
{
    check(sd_event_source_set_enabled(source_.get(), SD_EVENT_ONESHOT), "sd_event_source_set_enabled");
}

EventLoop::EventLoop()
{
    sd_event* event = nullptr;
    check(sd_event_new(&event), "sd_event_new");
    event_.reset(event);
}

namespace {

void set_priority(sd_event_source* source, EventLoop::Priority priority)
{
    check(sd_event_source_set_priority(source, static_cast<std::int64_t>(priority)), "sd_event_source_set_priority");
}

}  // namespace

EventSource EventLoop::watch(int fd, std::uint32_t epoll_events, Priority priority,
                             std::function<void(std::uint32_t)> callback) const
{
    EventSource source;
    source.callback_ = std::make_shared<EventSource::Callback>(std::move(callback));
    sd_event_source* raw = nullptr;
    check(sd_event_add_io(get(), &raw, fd, epoll_events, on_io, source.callback_.get()), "sd_event_add_io");
    source.source_.reset(raw);
    set_priority(raw, priority);
    return source;
}

EventSource EventLoop::watch_directory(const std::string& path, std::uint32_t mask,
                                       std::function<void(std::string_view)> callback) const
{
    EventSource source;
    source.callback_ = std::make_shared<EventSource::DirectoryCallback>(std::move(callback));
    sd_event_source* raw = nullptr;
    check(sd_event_add_inotify(get(), &raw, path.c_str(), mask | IN_ONLYDIR, on_inotify, source.callback_.get()),
          "sd_event_add_inotify");
    source.source_.reset(raw);
    return source;
}

EventSource EventLoop::timer(Priority priority, std::function<void()> callback) const
{
    EventSource source;
    source.callback_ = ignoring_events(std::move(callback));
    sd_event_source* raw = nullptr;
    check(sd_event_add_time(get(), &raw, CLOCK_MONOTONIC, 0, 0, on_time, source.callback_.get()), "sd_event_add_time");
    source.source_.reset(raw);
    source.enable(false);
    set_priority(raw, priority);
    return source;
}

void EventLoop::start(const EventSource& timer, std::chrono::microseconds after)
{
    const auto usec = static_cast<std::uint64_t>(after.count());
    check(sd_event_source_set_time_relative(timer.get(), usec), "sd_event_source_set_time_relative");
    timer.enable_once();
}

DeferredCall EventLoop::deferred(Priority priority, std::function<void()> callback) const
{
    DeferredCall deferred;
    deferred.wake_ = UniqueFd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    check(deferred.wake_ ? 0 : -errno, "eventfd");
    // Edge-triggered, so that the counter of the eventfd need not be read.
    deferred.source_ = watch(deferred.wake_.get(), EPOLLIN | EPOLLET, priority,
                             [callback = std::move(callback)](std::uint32_t) { callback(); });
    return deferred;
}

void DeferredCall::request() const noexcept
{
    (void)eventfd_write(wake_.get(), 1);  // fails only if the counter, which each call increments by 1, overflows
}

EventSource EventLoop::after_each(Priority priority, std::function<void()> callback) const
{
    EventSource source;
    source.callback_ = ignoring_events(std::move(callback));
    sd_event_source* raw = nullptr;
    check(sd_event_add_post(get(), &raw, on_defer, source.callback_.get()), "sd_event_add_post");
    source.source_.reset(raw);
    source.enable(false);
    set_priority(raw, priority);
    return source;
}

EventSource EventLoop::signal(int signal_number, std::function<void()> callback) const
{
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, signal_number);
    check(-pthread_sigmask(SIG_BLOCK, &blocked, nullptr), "pthread_sigmask");

    EventSource source;
    source.callback_ = ignoring_events(std::move(callback));
    sd_event_source* raw = nullptr;
    check(sd_event_add_signal(get(), &raw, signal_number, on_signal, source.callback_.get()), "sd_event_add_signal");
    source.source_.reset(raw);
    set_priority(raw, Priority::signal);
    return source;
}

void EventLoop::use_watchdog() const
{
    check(sd_event_set_watchdog(get(), true), "sd_event_set_watchdog");
}

int EventLoop::run()
{
    pending_exception = nullptr;
    const int result = sd_event_loop(get());
    if (pending_exception)
        std::rethrow_exception(std::exchange(pending_exception, nullptr));
    return check(result, "sd_event_loop");
}

void EventLoop::stop(int exit_code) const
{
    check(sd_event_exit(get(), exit_code), "sd_event_exit");
}

}  // namespace drvbus

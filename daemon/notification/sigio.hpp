// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <csignal>
#include <unordered_map>
#include <vector>

#include "base/event_loop.hpp"
#include "base/unique_fd.hpp"
#include "notification/notification.hpp"

namespace drvbus::notification {

/// Takes the process's SIGIO and one real-time signal and tells the loop which devices they are about.
///
/// A device signals with F_SETSIG's real-time signal, which brings the device's fd along and queues. When the
/// queue is full the kernel sends a plain SIGIO instead, which says of no fd: then every device here is told
/// that it may have news. There is one at a time in a process.
class SigioDispatcher {
public:
    explicit SigioDispatcher(const EventLoop& loop);
    SigioDispatcher(const SigioDispatcher&) = delete;
    SigioDispatcher& operator=(const SigioDispatcher&) = delete;
    ~SigioDispatcher();

    /// Makes `fd` send signals to this thread until `remove`.
    /// @throws std::system_error where its driver cannot
    void add(int fd, OnReady on_ready);
    void remove(int fd) noexcept;

private:
    void dispatch();

    std::unordered_map<int, OnReady> devices_;
    std::vector<int> told_;  // a dispatch's own; kept for its memory
    UniqueFd wake_;
    EventSource source_;
    struct sigaction old_sigio_ {};
    struct sigaction old_queued_ {};
};

}  // namespace drvbus::notification

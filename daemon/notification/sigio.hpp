// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <csignal>
#include <unordered_map>
#include <vector>

#include "base/event_loop.hpp"
#include "base/unique_fd.hpp"
#include "notification/notification.hpp"

namespace drvbus::notification {

/// Handles SIGIO and one real-time signal, and calls the `on_ready` of the devices that sent them from the event loop.
///
/// A device sends the real-time signal that F_SETSIG selects. It carries the file descriptor and is queued. When the
/// queue is full, the kernel sends SIGIO without a file descriptor: then all devices are treated as ready.
///
/// Only one object may exist in a process at a time.
class SigioDispatcher {
public:
    /// @param loop must outlive this object
    /// @throws std::system_error
    explicit SigioDispatcher(const EventLoop& loop);
    SigioDispatcher(const SigioDispatcher&) = delete;
    SigioDispatcher& operator=(const SigioDispatcher&) = delete;
    ~SigioDispatcher();

    /// Makes `fd` send signals to this thread until `remove`.
    /// @param fd stays owned by the caller
    /// @throws std::system_error if its driver does not support SIGIO
    void add(int fd, OnReady on_ready);
    void remove(int fd) noexcept;

private:
    void dispatch();

    std::unordered_map<int, OnReady> devices_;
    std::vector<int> ready_;  // file descriptors, only used in `dispatch`; a member to save allocations
    UniqueFd wake_;
    EventSource source_;
    struct sigaction old_sigio_ {};
    struct sigaction old_realtime_ {};
};

}  // namespace drvbus::notification

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "notification/sigio.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/errno.hpp"

namespace drvbus::notification {

namespace {

// Written by the signal handler, read by the event loop. Lock-free atomics are async-signal-safe.
constexpr std::size_t kWordBits = std::numeric_limits<std::uint64_t>::digits;
std::array<std::atomic<std::uint64_t>, 16> ready_bits;  // one bit per file descriptor
std::atomic<bool> all_ready;  // a signal came without a file descriptor, or with one beyond `ready_bits`
std::atomic<int> wake_fd = -1;
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

/// The signal that F_SETSIG selects for the devices.
int realtime_signal()
{
    return SIGRTMIN + 1;
}

void on_signal(int signal_number, siginfo_t* info, void* /*context*/)
{
    const int saved_errno = errno;
    const auto fd = static_cast<std::size_t>(info->si_fd);
    if (signal_number != SIGIO && info->si_fd >= 0 && fd / kWordBits < ready_bits.size())
        ready_bits.at(fd / kWordBits).fetch_or(std::uint64_t{1} << (fd % kWordBits));
    else
        all_ready.store(true);
    const std::uint64_t one = 1;
    // Fails only if the counter is at its maximum; then the eventfd is readable and wakes the loop.
    (void)!write(wake_fd.load(), &one, sizeof(one));
    errno = saved_errno;
}

/// @returns the previous action of the signal
struct sigaction install(int signal_number)
{
    struct sigaction action {};
    struct sigaction previous {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigemptyset(&action.sa_mask);
    check(sigaction(signal_number, &action, &previous) < 0 ? -errno : 0, "sigaction");
    return previous;
}

}  // namespace

SigioDispatcher::SigioDispatcher(const EventLoop& loop) : wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC))
{
    check(wake_ ? 0 : -errno, "eventfd");
    wake_fd = wake_.get();
    old_sigio_ = install(SIGIO);
    old_realtime_ = install(realtime_signal());
    source_ = loop.watch(wake_.get(), EPOLLIN, EventLoop::Priority::normal, [this](std::uint32_t) { dispatch(); });
}

SigioDispatcher::~SigioDispatcher()
{
    sigaction(SIGIO, &old_sigio_, nullptr);
    sigaction(realtime_signal(), &old_realtime_, nullptr);
    wake_fd = -1;
}

void SigioDispatcher::add(int fd, OnReady on_ready)
{
    const f_owner_ex owner{F_OWNER_TID, gettid()};
    check(fcntl(fd, F_SETOWN_EX, &owner) < 0 ? -errno : 0, "F_SETOWN_EX");
    check(fcntl(fd, F_SETSIG, realtime_signal()) < 0 ? -errno : 0, "F_SETSIG");

    // The device may send a signal before this function returns.
    const auto entry = devices_.insert_or_assign(fd, std::move(on_ready)).first;
    int flags = fcntl(fd, F_GETFL);
    const bool set = flags >= 0 && fcntl(fd, F_SETFL, flags | O_ASYNC) == 0;
    const int error = set ? ENOTSUP : errno;
    // The kernel accepts O_ASYNC for a driver without .fasync, but does not set it.
    flags = fcntl(fd, F_GETFL);
    if (!set || (flags & O_ASYNC) == 0) {
        devices_.erase(entry);
        throw std::system_error(error, std::generic_category(),
                                "the device sends no SIGIO; set notification to \"auto\" or \"poll\"");
    }
}

void SigioDispatcher::remove(int fd) noexcept
{
    const int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        fcntl(fd, F_SETFL, flags & ~O_ASYNC);
    devices_.erase(fd);
}

void SigioDispatcher::dispatch()
{
    // The eventfd is cleared first, so that a signal that arrives later wakes the loop again.
    eventfd_t count = 0;
    (void)eventfd_read(wake_.get(), &count);

    ready_.clear();
    if (all_ready.exchange(false)) {
        for (const auto& [fd, on_ready] : devices_)
            ready_.push_back(fd);
    }
    for (std::size_t word = 0; word < ready_bits.size(); ++word) {
        for (std::uint64_t bits = ready_bits.at(word).exchange(0); bits != 0; bits &= bits - 1)
            ready_.push_back(static_cast<int>(word * kWordBits) + std::countr_zero(bits));
    }
    for (const int fd : ready_) {
        if (const auto device = devices_.find(fd); device != devices_.end())
            device->second();
    }
}

namespace {

class SigioNotification final : public Notification {
public:
    SigioNotification(SigioDispatcher& dispatcher, Device device, OnReady on_ready)
        : dispatcher_(dispatcher), device_(device.fd)
    {
        dispatcher_.add(device_, [this, on_ready = std::move(on_ready)] {
            notified_ = 1;
            on_ready();
        });
    }
    ~SigioNotification() override { dispatcher_.remove(device_); }

    [[nodiscard]] Kind kind() const noexcept override { return Kind::sigio; }
    std::uint64_t clear() override { return std::exchange(notified_, 0); }

private:
    std::uint64_t notified_ = 0;
    SigioDispatcher& dispatcher_;
    int device_;
};

}  // namespace

std::unique_ptr<Notification> make_sigio(SigioDispatcher& dispatcher, Device device, OnReady on_ready)
{
    return std::make_unique<SigioNotification>(dispatcher, device, std::move(on_ready));
}

}  // namespace drvbus::notification

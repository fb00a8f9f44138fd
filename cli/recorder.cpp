// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/recorder.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <system_error>
#include <utility>

#include <linux/drvbus.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace drvbus::cli {

namespace {

constexpr std::size_t kKeptBytes = std::size_t{1} << 20;
constexpr std::uint64_t kByteLimit = std::uint64_t{1} << 26;
// The driver uio refuses reads of any other size.
constexpr std::size_t kUioReadSize = 4;
constexpr std::chrono::milliseconds kPauseAfterSpurious{20};

timespec to_timespec(std::chrono::nanoseconds time)
{
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    return {.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
}

UniqueFd block_signals()
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    UniqueFd fd(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!fd)
        throw std::system_error(errno, std::generic_category(), "signalfd");
    return fd;
}

bool is_file(int fd)
{
    struct stat status {};
    return fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

}  // namespace

std::vector<std::byte> Recording::joined() const
{
    std::vector<std::byte> all;
    for (const Read& read : reads)
        all.insert(all.end(), read.bytes.begin(), read.bytes.end());
    return all;
}

Recorder::Recorder(int fd, ReadClocks now)
    : fd_(fd), now_(std::move(now)), signals_(block_signals()), buffer_(DRVBUS_PAYLOAD_MAX)
{
}

Recording Recorder::record(std::chrono::seconds duration, const OnRead& on_read)
{
    Recording recording;
    const std::uint64_t start = now_().monotonic;
    for (;;) {
        const std::chrono::nanoseconds since(now_().monotonic - start);
        if (since >= duration)
            return recording;
        const Wait waited = wait(duration - since);
        if (waited == Wait::signal) {
            recording.end = Recording::End::interrupted;
            return recording;
        }
        if (waited != Wait::nothing && !read_once(recording, waited, start, on_read))
            return recording;
    }
}

Recorder::Wait Recorder::wait(std::chrono::nanoseconds limit) const
{
    std::array<pollfd, 2> fds{{{signals_.get(), POLLIN, 0}, {spurious_ ? -1 : fd_, POLLIN | POLLPRI, 0}}};
    const timespec timeout =
        to_timespec(spurious_ ? std::min<std::chrono::nanoseconds>(limit, kPauseAfterSpurious) : limit);
    const int ready = ppoll(fds.data(), fds.size(), &timeout, nullptr);
    if (ready < 0 && errno != EINTR)
        throw std::system_error(errno, std::generic_category(), "ppoll");
    if (ready > 0 && fds[0].revents != 0)
        return Wait::signal;
    if (spurious_ || (ready > 0 && (fds[1].revents & (POLLIN | POLLPRI)) != 0))
        return Wait::readable;
    return ready > 0 && fds[1].revents != 0 ? Wait::hang_up : Wait::nothing;
}

bool Recorder::read_once(Recording& recording, Wait wait, std::uint64_t start, const OnRead& on_read)
{
    const ssize_t size = read(fd_, buffer_.data(), buffer_.size());
    if (size < 0)
        return handle_error(recording, wait, errno);
    if (size == 0) {
        recording.end = Recording::End::end_of_file;
        return false;
    }
    spurious_ = false;
    const Clocks time = now_();
    const std::span<const std::byte> bytes(buffer_.data(), static_cast<std::size_t>(size));
    if (recording.bytes < kKeptBytes)
        recording.reads.push_back({time, {bytes.begin(), bytes.end()}});
    ++recording.count;
    recording.bytes += bytes.size();
    on_read(std::chrono::nanoseconds(time.monotonic - start), bytes);
    if (recording.bytes < kByteLimit)
        return true;
    recording.end = Recording::End::byte_limit;
    return false;
}

bool Recorder::handle_error(Recording& recording, Wait wait, int error)
{
    // /dev/kmsg reports EPIPE once to a reader that missed messages.
    if (error == EINTR || error == EPIPE)
        return true;
    if (error == EAGAIN && wait == Wait::readable) {
        // A driver without a poll function is always reported as readable.
        spurious_ = true;
        return true;
    }
    if (error == EINVAL && buffer_.size() != kUioReadSize && !is_file(fd_)) {
        buffer_.resize(kUioReadSize);
        return true;
    }
    // EIO: the other end of a terminal was closed. ENODEV: the device was removed.
    const bool hung_up = error == EIO || error == ENODEV || (error == EAGAIN && wait == Wait::hang_up);
    recording.end = hung_up ? Recording::End::end_of_file : Recording::End::failed;
    recording.error = error;
    return false;
}

}  // namespace drvbus::cli

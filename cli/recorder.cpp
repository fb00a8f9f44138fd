// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/recorder.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <system_error>

#include <linux/drvbus.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace drvbus::cli {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kKept = std::size_t{1} << 20;        // bytes that a layout is found in
constexpr std::uint64_t kEnough = std::uint64_t{1} << 26;  // bytes
// Some hand out one event at a time, of this size (uio), and refuse reads of any other.
constexpr std::size_t kOneNumber = 4;
constexpr std::chrono::milliseconds kPause{20};

timespec to_timespec(std::chrono::nanoseconds time)
{
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    return {.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
}

UniqueFd take_signals()
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
    for (const std::vector<std::byte>& read : reads)
        all.insert(all.end(), read.begin(), read.end());
    return all;
}

Recorder::Recorder(int fd) : fd_(fd), signals_(take_signals()), room_(DRVBUS_PAYLOAD_MAX) {}

Recording Recorder::record(std::chrono::seconds duration, const OnRead& on_read)
{
    Recording recording;
    const Clock::time_point start = Clock::now();
    for (;;) {
        const auto since = Clock::now() - start;
        if (since >= duration)
            return recording;
        const Wait waited = wait(duration - since);
        if (waited == Wait::signal) {
            recording.end = Recording::End::interrupted;
            return recording;
        }
        if (waited != Wait::nothing && !take(recording, waited, Clock::now() - start, on_read))
            return recording;
    }
}

Recorder::Wait Recorder::wait(std::chrono::nanoseconds rest) const
{
    std::array<pollfd, 2> fds{{{signals_.get(), POLLIN, 0}, {idle_ ? -1 : fd_, POLLIN | POLLPRI, 0}}};
    const timespec limit = to_timespec(idle_ ? std::min<std::chrono::nanoseconds>(rest, kPause) : rest);
    const int ready = ppoll(fds.data(), fds.size(), &limit, nullptr);
    if (ready < 0 && errno != EINTR)
        throw std::system_error(errno, std::generic_category(), "ppoll");
    if (ready > 0 && fds[0].revents != 0)
        return Wait::signal;
    if (idle_ || (ready > 0 && (fds[1].revents & (POLLIN | POLLPRI)) != 0))
        return Wait::news;
    return ready > 0 && fds[1].revents != 0 ? Wait::hang_up : Wait::nothing;
}

bool Recorder::take(Recording& recording, Wait wait, std::chrono::nanoseconds since, const OnRead& on_read)
{
    const ssize_t got = read(fd_, room_.data(), room_.size());
    if (got < 0)
        return failed(recording, wait, errno);
    if (got == 0) {
        recording.end = Recording::End::hung_up;
        return false;
    }
    idle_ = false;
    const std::span<const std::byte> bytes(room_.data(), static_cast<std::size_t>(got));
    if (recording.bytes < kKept)
        recording.reads.emplace_back(bytes.begin(), bytes.end());
    ++recording.count;
    recording.bytes += bytes.size();
    on_read(since, bytes);
    if (recording.bytes < kEnough)
        return true;
    recording.end = Recording::End::enough;
    return false;
}

bool Recorder::failed(Recording& recording, Wait wait, int error)
{
    // A reader of /dev/kmsg that was too slow gets EPIPE once.
    if (error == EINTR || error == EPIPE)
        return true;
    if (error == EAGAIN && wait == Wait::news) {
        // One without a poll of its own says always that there is something.
        idle_ = true;
        return true;
    }
    if (error == EINVAL && room_.size() != kOneNumber && !is_file(fd_)) {
        room_.resize(kOneNumber);
        return true;
    }
    // A terminal whose other end is gone, a device that was pulled out.
    const bool gone = error == EIO || error == ENODEV || (error == EAGAIN && wait == Wait::hang_up);
    recording.end = gone ? Recording::End::hung_up : Recording::End::failed;
    recording.error = error;
    return false;
}

}  // namespace drvbus::cli

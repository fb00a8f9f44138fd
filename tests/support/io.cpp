// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/io.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "support/wait.hpp"

namespace drvbus::test {

int must(int result, const char* what)
{
    if (result < 0)
        throw std::system_error(errno, std::generic_category(), what);
    return result;
}

namespace {

/// write(2) with SIGPIPE ignored: a closed read end gives EPIPE and does not kill the test program.
ssize_t write_without_sigpipe(int fd, std::string_view bytes)
{
    static const auto old = std::signal(SIGPIPE, SIG_IGN);
    static_cast<void>(old);
    return write(fd, bytes.data(), bytes.size());
}

}  // namespace

void write_all(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t written = write_without_sigpipe(fd, bytes);
        if (written > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(written));
            continue;
        }
        if (errno != EAGAIN)
            throw std::system_error(errno, std::generic_category(), "write");
        pollfd room{fd, POLLOUT, 0};
        if (must(poll(&room, 1, static_cast<int>(std::chrono::milliseconds(kLimit).count())), "poll") == 0)
            throw std::runtime_error("the reader does not read");
    }
}

bool write_once(int fd, std::string_view bytes)
{
    const ssize_t written = write_without_sigpipe(fd, bytes);
    if (written < 0 && errno == EAGAIN)
        return false;
    if (must(static_cast<int>(written), "write") != static_cast<int>(bytes.size()))
        throw std::runtime_error("short write");
    return true;
}

UniqueFd bind_socket(const std::string& path, int type)
{
    sockaddr_un address{};
    if (path.size() >= sizeof(address.sun_path))
        throw std::invalid_argument(path + " is too long for a socket; set TMPDIR to a directory with a shorter path");
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, path.size());
    UniqueFd fd(must(socket(AF_UNIX, type | SOCK_CLOEXEC, 0), "socket"));
    must(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), "bind");
    return fd;
}

namespace {

/// Duplicates of those open files of `process` that `wanted` selects.
template <typename Wanted>
std::vector<UniqueFd> files_of(pid_t process, Wanted wanted)
{
    const UniqueFd pidfd(must(static_cast<int>(syscall(SYS_pidfd_open, process, 0)), "pidfd_open"));
    std::vector<UniqueFd> files;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/fd")) {
        // Another thread of the process may have closed it since.
        UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), std::stoi(entry.path().filename()), 0)));
        if (fd && wanted(fd.get()))
            files.push_back(std::move(fd));
    }
    return files;
}

}  // namespace

std::vector<UniqueFd> sockets_of(pid_t process, int option, int value)
{
    return files_of(process, [&](int fd) {
        int found = 0;
        socklen_t size = sizeof(found);
        return getsockopt(fd, SOL_SOCKET, option, &found, &size) == 0 && found == value;
    });
}

void stop_timers(pid_t process)
{
    itimerspec remaining{};
    const std::vector<UniqueFd> timers =
        files_of(process, [&](int fd) { return timerfd_gettime(fd, &remaining) == 0; });
    const bool far = wait_until([&] {
        return std::ranges::any_of(timers, [&](const UniqueFd& timer) {
            return timerfd_gettime(timer.get(), &remaining) == 0 && remaining.it_value.tv_sec >= 1;
        });
    });
    if (!far)
        throw std::runtime_error("no timer is set");
    remaining = {};
    for (const UniqueFd& timer : timers)
        must(timerfd_settime(timer.get(), 0, &remaining, nullptr), "timerfd_settime");
}

Pipe::Pipe()
{
    std::array<int, 2> ends{};
    must(pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), "pipe2");
    read_end.reset(ends.at(0));
    write_end.reset(ends.at(1));
}

SocketPair::SocketPair()
{
    std::array<int, 2> ends{};
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), "socketpair");
    ours.reset(ends.at(0));
    theirs.reset(ends.at(1));
}

Fifo::Fifo(std::string path) : path_(std::move(path))
{
    must(mkfifo(path_.c_str(), 0600), "mkfifo");
}

UniqueFd Fifo::open_writer() const
{
    UniqueFd fd;
    wait_until([&] {
        fd.reset(open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
        return fd || errno != ENXIO;
    });
    must(fd.get(), "opening a FIFO to write");
    return fd;
}

Terminal::Terminal() : master_(must(posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC), "posix_openpt"))
{
    must(grantpt(master_.get()), "grantpt");
    must(unlockpt(master_.get()), "unlockpt");
    std::array<char, 64> name{};
    if (ptsname_r(master_.get(), name.data(), name.size()) != 0)
        throw std::runtime_error("ptsname_r");
    path_ = name.data();
    slave_ = open_reader();

    termios settings{};
    must(tcgetattr(slave_.get(), &settings), "tcgetattr");
    settings.c_lflag &= static_cast<tcflag_t>(~ECHO);  // nothing reads the echo
    must(tcsetattr(slave_.get(), TCSANOW, &settings), "tcsetattr");
}

UniqueFd Terminal::open_reader() const
{
    return UniqueFd(must(open(path_.c_str(), O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC), "opening a terminal"));
}

}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "service_manager.hpp"

#include <array>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/io.hpp"

namespace drvbus::test {

namespace {

constexpr const char* kName = "FDNAME=";

/// The value of `key`, such as "FDNAME=", in a message of lines.
std::string value_of(const std::string& key, const std::string& message)
{
    const std::size_t at = message.find(key);
    if (at == std::string::npos)
        return {};
    const std::size_t begin = at + key.size();
    return message.substr(begin, message.find('\n', begin) - begin);
}

/// Receives one datagram and the file descriptor passed with it.
std::pair<std::string, UniqueFd> receive(int socket)
{
    std::array<char, 4096> text{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    iovec part{text.data(), text.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t got = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    UniqueFd fd;
    for (cmsghdr* each = CMSG_FIRSTHDR(&header); got >= 0 && each != nullptr; each = CMSG_NXTHDR(&header, each)) {
        int number = -1;
        std::memcpy(&number, CMSG_DATA(each), sizeof(number));
        if (each->cmsg_type == SCM_RIGHTS)
            fd.reset(number);
    }
    return {std::string(text.data(), got < 0 ? 0 : static_cast<std::size_t>(got)), std::move(fd)};
}

}  // namespace

ServiceManager::ServiceManager()
    : address_(directory_.path() + "/notify"), socket_(bind_socket(address_, SOCK_DGRAM | SOCK_NONBLOCK)),
      stop_(must(eventfd(0, EFD_CLOEXEC), "eventfd"))
{
    thread_ = std::thread([this] { listen(); });
}

ServiceManager::~ServiceManager()
{
    eventfd_write(stop_.get(), 1);
    thread_.join();
}

void ServiceManager::listen()
{
    std::array<pollfd, 2> fds{{{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    while (poll(fds.data(), fds.size(), -1) > 0 && fds[1].revents == 0) {
        auto [message, fd] = receive(socket_.get());
        handle(message, std::move(fd));
    }
}

void ServiceManager::handle(const std::string& message, UniqueFd fd)
{
    const std::lock_guard lock(mutex_);
    const std::string name = value_of(kName, message);
    if (message.starts_with("FDSTOREREMOVE=1")) {
        stored_.erase(name);
    } else if (message.starts_with("FDSTORE=1")) {
        stored_.insert_or_assign(name, std::move(fd));
    } else {
        messages_.push_back(message);
        changed_.notify_all();
    }
}

std::string ServiceManager::wait()
{
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kLimit, [this] { return !messages_.empty(); }))
        return {};
    std::string message = std::move(messages_.front());
    messages_.pop_front();
    return message;
}

std::set<std::string> ServiceManager::stored() const
{
    const std::lock_guard lock(mutex_);
    std::set<std::string> names;
    for (const auto& [name, fd] : stored_)
        names.insert(name);
    return names;
}

void ServiceManager::store(const std::string& name, UniqueFd fd)
{
    const std::lock_guard lock(mutex_);
    stored_.insert_or_assign(name, std::move(fd));
}

std::vector<std::string> ServiceManager::as_service(const std::vector<std::string>& command)
{
    // LISTEN_PID is the pid of the service: only its own process knows it before it starts.
    std::vector<std::string> shell_command{"/bin/sh", "-c", "LISTEN_PID=$$ exec \"$0\" \"$@\""};
    shell_command.insert(shell_command.end(), command.begin(), command.end());
    return shell_command;
}

Process::Options ServiceManager::options() const
{
    const std::lock_guard lock(mutex_);
    std::string names;
    std::vector<int> fds;
    for (const auto& [name, fd] : stored_) {
        names += (names.empty() ? "" : ":") + name;
        fds.push_back(fd.get());
    }
    if (fds.empty())
        return {{"NOTIFY_SOCKET=" + address_}, {}};
    return {{"NOTIFY_SOCKET=" + address_, "LISTEN_PID=", "LISTEN_FDS=" + std::to_string(fds.size()),
             "LISTEN_FDNAMES=" + names},
            [fds]() mutable {
                // First moved away from the target numbers, then to them. F_DUPFD and dup2 leave FD_CLOEXEC unset.
                constexpr int kFirst = 3;
                const int count = static_cast<int>(fds.size());
                for (int& fd : fds)
                    fd = fcntl(fd, F_DUPFD, kFirst + count);
                int target = kFirst;
                for (const int fd : fds) {
                    dup2(fd, target++);
                    close(fd);
                }
            }};
}

}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/notify_socket.hpp"

#include <array>

#include <sys/socket.h>
#include <sys/un.h>

#include "support/io.hpp"

namespace drvbus::test {

NotifySocket::NotifySocket() : fd_(must(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket"))
{
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const std::string path = address();
    path.copy(name.sun_path, sizeof(name.sun_path) - 1);
    must(bind(fd_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)), "bind");
}

std::optional<std::string> NotifySocket::receive() const
{
    std::array<char, 4096> buffer{};
    const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0)
        return std::nullopt;
    return std::string(buffer.data(), static_cast<std::size_t>(got));
}

std::string NotifySocket::wait() const
{
    std::optional<std::string> message;
    wait_until([&] { return (message = receive()).has_value(); });
    return message.value_or("");
}

}  // namespace drvbus::test

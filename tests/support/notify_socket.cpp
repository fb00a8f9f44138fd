// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/notify_socket.hpp"

#include <array>

#include <sys/socket.h>

#include "support/io.hpp"

namespace drvbus::test {

NotifySocket::NotifySocket() : fd_(bind_socket(address(), SOCK_DGRAM | SOCK_NONBLOCK)) {}

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

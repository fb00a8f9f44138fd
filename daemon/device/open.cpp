// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device/open.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/drvbus.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/errno.hpp"

namespace drvbus::device {

namespace {

void make_non_blocking(int fd)
{
    const int flags = fcntl(fd, F_GETFL);
    check(flags < 0 || fcntl(fd, F_SETFL, (flags | O_NONBLOCK) & ~O_ASYNC) < 0 ? -errno : 0, "O_NONBLOCK");
    check(fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0, "FD_CLOEXEC");
}

/// Leaves errno unchanged.
bool is_socket(const char* path)
{
    struct stat status {};
    const int error = errno;
    const bool result = stat(path, &status) == 0 && S_ISSOCK(status.st_mode);
    errno = error;
    return result;
}

/// @returns invalid if the connection failed; errno has the reason
UniqueFd connect_to(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path))
        throw UnusableError(
            fmt::format("{}: the path of a socket has at most {} characters", path, sizeof(address.sun_path) - 1));
    std::ranges::copy(path, address.sun_path);
    for (const int type : {SOCK_STREAM, SOCK_SEQPACKET}) {
        UniqueFd fd(socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        check(fd ? 0 : -errno, "socket");
        if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0)
            return fd;
        if (errno != EPROTOTYPE)
            break;
    }
    return {};
}

}  // namespace

std::uint64_t new_instance_id() noexcept
{
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

bool is_open_as(const std::string& node, int fd) noexcept
{
    struct stat named {};
    struct stat opened {};
    return stat(node.c_str(), &named) == 0 && fstat(fd, &opened) == 0 && named.st_dev == opened.st_dev &&
           named.st_ino == opened.st_ino;
}

bool node_exists(const std::string& node) noexcept
{
    return access(node.c_str(), F_OK) == 0 || errno != ENOENT;
}

OpenedDevice open(const record::ChannelDescription& description, bool for_writing)
{
    const char* const node = description.node.c_str();
    // O_NOCTTY: a terminal must not become the daemon's controlling terminal.
    UniqueFd fd(::open(node, (for_writing ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (!fd && errno == ENXIO && is_socket(node))
        fd = connect_to(description.node);
    if (!fd && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
        throw AbsentError(fmt::format("there is no {}: {}", node, std::strerror(errno)));
    if (!fd && errno == EPERM && description.is_drvbus_class)
        throw std::runtime_error(
            fmt::format("opening {}: {}; if drvbus.ko was loaded after the service was started, "
                        "restart the service, so that systemd allows the device: systemctl restart drvbusd",
                        node, std::strerror(errno)));
    if (!fd)
        throw std::system_error(errno, std::generic_category(), fmt::format("opening {}", node));
    return adopt(description, std::move(fd));
}

OpenedDevice adopt(const record::ChannelDescription& description, UniqueFd fd)
{
    make_non_blocking(fd.get());
    drvbus_info info{};
    // A configured device does not get this ioctl: the number may have another meaning for its driver.
    if (!description.is_drvbus_class || ioctl(fd.get(), DRVBUS_IOC_INFO, &info) < 0) {
        // ENOTTY: a node of class drvbus without a ring.
        if (description.is_drvbus_class && errno != ENOTTY)
            throw std::system_error(errno, std::generic_category(), "DRVBUS_IOC_INFO");
        return {.fd = std::move(fd), .instance = new_instance_id()};
    }
    if (info.abi_version != DRVBUS_ABI_VERSION)
        throw UnusableError(fmt::format("drvbus.ko has ABI version {}, this drvbusd has {}; install both from "
                                        "the same release",
                                        info.abi_version, DRVBUS_ABI_VERSION));
    __s32 no_eventfd = -1;
    if (ioctl(fd.get(), DRVBUS_IOC_EVENTFD, &no_eventfd) < 0)
        throw std::system_error(errno, std::generic_category(), "DRVBUS_IOC_EVENTFD");
    const off_t position = lseek(fd.get(), 0, SEEK_CUR);
    check(position < 0 ? -errno : 0, "lseek of the channel");
    return {
        .fd = std::move(fd), .ring = true, .position = static_cast<std::uint64_t>(position), .instance = info.instance};
}

}  // namespace drvbus::device

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device/open.hpp"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/drvbus.h>
#include <sys/ioctl.h>

#include "loop.hpp"

namespace drvbus::device {

namespace {

void make_non_blocking(int fd)
{
    const int flags = fcntl(fd, F_GETFL);
    check(flags < 0 || fcntl(fd, F_SETFL, (flags | O_NONBLOCK) & ~O_ASYNC) < 0 ? -errno : 0, "O_NONBLOCK");
    check(fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0, "FD_CLOEXEC");
}

}  // namespace

std::uint64_t new_instance() noexcept
{
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

Opened open(const Description& description)
{
    const char* const node = description.node.c_str();
    // O_NOCTTY: a terminal must not become the daemon's own.
    UniqueFd fd(::open(node, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (!fd && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
        throw Absent(fmt::format("there is no {}: {}", node, std::strerror(errno)));
    if (!fd)
        throw std::system_error(errno, std::generic_category(), fmt::format("opening {}", node));
    return adopt(description, std::move(fd));
}

Opened adopt(const Description& description, UniqueFd fd)
{
    make_non_blocking(fd.get());
    drvbus_info info{};
    // No other device gets an ioctl of drvbus's: it might mean something to it.
    if (!description.drvbus_class || ioctl(fd.get(), DRVBUS_IOC_INFO, &info) < 0) {
        if (description.drvbus_class && errno != ENOTTY)
            throw std::system_error(errno, std::generic_category(), "asking the channel about itself");
        return {std::move(fd), false, new_instance()};
    }
    if (info.abi_version != DRVBUS_ABI_VERSION)
        throw Unusable(fmt::format("drvbus.ko speaks ABI {}, this drvbusd ABI {}; install both from the "
                                   "same release",
                                   info.abi_version, DRVBUS_ABI_VERSION));
    __s32 none = -1;
    if (ioctl(fd.get(), DRVBUS_IOC_EVENTFD, &none) < 0)
        throw std::system_error(errno, std::generic_category(), "taking an earlier eventfd back");
    return {std::move(fd), true, info.instance};
}

}  // namespace drvbus::device

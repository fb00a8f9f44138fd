// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <sys/stat.h>
#include <systemd/sd-device.h>

namespace drvbus::cli {

struct DeviceDeleter {
    void operator()(sd_device* device) const noexcept { sd_device_unref(device); }
};
using DevicePtr = std::unique_ptr<sd_device, DeviceDeleter>;

/// What stands behind a path.
struct Identity {
    enum class Sort : std::uint8_t { missing, character, block, fifo, socket, file, other };

    std::string path;
    Sort sort = Sort::missing;
    int error = 0;  ///< errno, of what cannot be looked at
    struct stat status {};
    // Of a node, as far as it is known:
    std::string subsystem;  ///< such as "input"
    std::string sysname;    ///< such as "event3"
    std::string driver;     ///< of the device or the next one above it
    std::string sysfs;      ///< its folder
    std::string group;      ///< name of its major number in /proc/devices, such as "input"

    [[nodiscard]] bool is_node() const noexcept { return sort == Sort::character || sort == Sort::block; }
};

[[nodiscard]] Identity identify(const std::string& path);
/// The same, of what is open as `fd`.
[[nodiscard]] Identity identify(const std::string& path, int fd);

/// The device behind a node; none where the kernel's tree has none.
[[nodiscard]] DevicePtr device_of(const Identity& identity);

/// In words: `character device 13:67 (input), driver "button"`.
[[nodiscard]] std::string to_string(const Identity& identity);

}  // namespace drvbus::cli

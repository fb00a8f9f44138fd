// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>

#include <sys/stat.h>

#include "device/sd_device_ptr.hpp"

namespace drvbus::cli {

/// What the system knows about the device, FIFO, socket or file at a path.
struct DeviceInfo {
    enum class Type : std::uint8_t { unknown, character_device, block_device, fifo, socket, file, other };

    std::string path;
    Type type = Type::unknown;
    int error = 0;          ///< errno of stat(), if the type is unknown
    struct stat status {};  ///< valid unless the type is unknown
    // Of a character or block device; empty if unknown:
    std::string subsystem;   ///< such as "input"
    std::string sysname;     ///< such as "event3"
    std::string driver;      ///< of the device, or of its nearest parent that has one
    std::string sysfs;       ///< path of its directory in sysfs
    std::string major_name;  ///< name of its major number in /proc/devices, such as "input"

    [[nodiscard]] bool is_device() const noexcept
    {
        return type == Type::character_device || type == Type::block_device;
    }
};

[[nodiscard]] DeviceInfo device_info(const std::string& path);
/// @param fd the open file at `path`; it is described even if the path now leads to another file
[[nodiscard]] DeviceInfo device_info(const std::string& path, int fd);

/// The device in sysfs; null if there is none.
[[nodiscard]] device::SdDevicePtr find_sd_device(const DeviceInfo& info);

/// For the user: `character device 13:67 (input), driver "button"`.
[[nodiscard]] std::string describe(const DeviceInfo& info);

}  // namespace drvbus::cli

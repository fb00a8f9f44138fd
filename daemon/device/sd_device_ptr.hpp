// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <memory>

#include <systemd/sd-device.h>

namespace drvbus::device {

/// Releases one reference to an object of sd-device.
struct SdDeviceDeleter {
    void operator()(sd_device* device) const noexcept { sd_device_unref(device); }
    void operator()(sd_device_enumerator* enumerator) const noexcept { sd_device_enumerator_unref(enumerator); }
    void operator()(sd_device_monitor* monitor) const noexcept { sd_device_monitor_unref(monitor); }
};

using SdDevicePtr = std::unique_ptr<sd_device, SdDeviceDeleter>;
using SdDeviceEnumeratorPtr = std::unique_ptr<sd_device_enumerator, SdDeviceDeleter>;
using SdDeviceMonitorPtr = std::unique_ptr<sd_device_monitor, SdDeviceDeleter>;

}  // namespace drvbus::device

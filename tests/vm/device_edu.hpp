// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>

namespace drvbus::test {

/// QEMU's educational PCI device (docs/specs/edu.rst of QEMU), bound to uio_pci_generic: it raises real interrupts
/// on request.
class EduDevice {
public:
    EduDevice();
    EduDevice(const EduDevice&) = delete;
    EduDevice& operator=(const EduDevice&) = delete;
    ~EduDevice();

    /// Such as 0000:00:05.0.
    [[nodiscard]] const std::string& slot() const { return slot_; }
    /// Such as /dev/uio0.
    [[nodiscard]] const std::string& node() const { return node_; }

    /// Waits until the interrupt is enabled: uio_pci_generic disables it each time that the device raises it.
    [[nodiscard]] bool wait_until_enabled() const;
    /// Raises the interrupt, waits until the kernel has counted it, and acknowledges it.
    void interrupt() const;

private:
    [[nodiscard]] std::uint32_t count() const;
    void write_register(std::size_t offset, std::uint32_t value) const;

    std::string slot_;
    std::string node_;
    volatile std::uint32_t* registers_ = nullptr;
};

}  // namespace drvbus::test

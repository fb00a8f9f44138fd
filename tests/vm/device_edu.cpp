// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device_edu.hpp"

#include <filesystem>
#include <stdexcept>

#include <fcntl.h>
#include <linux/pci_regs.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/unique_fd.hpp"
#include "support/io.hpp"
#include "support/process.hpp"
#include "support/wait.hpp"

namespace drvbus::test {

namespace {

constexpr const char* kIds = "1234 11e8";
constexpr std::size_t kRaise = 0x60;
constexpr std::size_t kAcknowledge = 0x64;
constexpr std::size_t kSize = 0x1000;

std::string find_slot()
{
    for (const auto& entry : std::filesystem::directory_iterator("/sys/bus/pci/devices")) {
        if (read_file(entry.path() / "vendor") == "0x1234\n" && read_file(entry.path() / "device") == "0x11e8\n")
            return entry.path().filename();
    }
    throw std::runtime_error("the guest has no edu device");
}

}  // namespace

EduDevice::EduDevice() : slot_(find_slot())
{
    const std::string device = "/sys/bus/pci/devices/" + slot_;
    run({"modprobe", "uio_pci_generic"});
    if (!std::filesystem::exists(device + "/uio"))
        must(-write_file("/sys/bus/pci/drivers/uio_pci_generic/new_id", kIds), "new_id");
    if (!wait_until([&] { return std::filesystem::exists(device + "/uio"); }))
        throw std::runtime_error("uio_pci_generic did not bind to the edu device");
    for (const auto& entry : std::filesystem::directory_iterator(device + "/uio"))
        node_ = "/dev/" + entry.path().filename().string();
    const UniqueFd memory(must(open((device + "/resource0").c_str(), O_RDWR | O_SYNC | O_CLOEXEC), "resource0"));
    void* const mapped = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
    if (mapped == MAP_FAILED)
        throw std::runtime_error("the edu device's registers cannot be mapped");
    registers_ = static_cast<volatile std::uint32_t*>(mapped);
}

EduDevice::~EduDevice()
{
    munmap(const_cast<std::uint32_t*>(registers_), kSize);
}

bool EduDevice::wait_until_enabled() const
{
    const UniqueFd config(
        must(open(("/sys/bus/pci/devices/" + slot_ + "/config").c_str(), O_RDONLY | O_CLOEXEC), "config"));
    return wait_until([&] {
        std::uint16_t command = 0;
        return pread(config.get(), &command, sizeof(command), PCI_COMMAND) == sizeof(command) &&
               (command & PCI_COMMAND_INTX_DISABLE) == 0;
    });
}

void EduDevice::interrupt() const
{
    const std::uint32_t before = count();
    write_register(kRaise, 1);
    const bool counted = wait_until([&] { return count() != before; });
    write_register(kAcknowledge, 1);
    if (!counted)
        throw std::runtime_error("the kernel did not count the interrupt; check whether it is masked");
}

std::uint32_t EduDevice::count() const
{
    return static_cast<std::uint32_t>(
        std::stoul(read_file("/sys/class/uio/" + std::filesystem::path(node_).filename().string() + "/event")));
}

void EduDevice::write_register(std::size_t offset, std::uint32_t value) const
{
    registers_[offset / sizeof(value)] = value;
}

}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device_uinput.hpp"

#include <array>
#include <filesystem>
#include <stdexcept>

#include <fcntl.h>
#include <linux/uinput.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "support/io.hpp"
#include "support/process.hpp"
#include "support/wait.hpp"

namespace drvbus::test {

UinputDevice::UinputDevice(const std::string& name, const std::vector<int>& keys, const std::string& phys)
{
    run({"modprobe", "uinput"});
    fd_.reset(must(open("/dev/uinput", O_WRONLY | O_CLOEXEC), "/dev/uinput"));
    must(ioctl(fd_.get(), UI_SET_EVBIT, EV_KEY), "UI_SET_EVBIT");
    for (const int key : keys)
        must(ioctl(fd_.get(), UI_SET_KEYBIT, key), "UI_SET_KEYBIT");
    if (!phys.empty())
        must(ioctl(fd_.get(), UI_SET_PHYS, phys.c_str()), "UI_SET_PHYS");
    uinput_setup setup{};
    setup.id.bustype = BUS_VIRTUAL;
    name.copy(setup.name, sizeof(setup.name) - 1);
    must(ioctl(fd_.get(), UI_DEV_SETUP, &setup), "UI_DEV_SETUP");
    must(ioctl(fd_.get(), UI_DEV_CREATE), "UI_DEV_CREATE");
}

UinputDevice::~UinputDevice()
{
    ioctl(fd_.get(), UI_DEV_DESTROY);
}

void UinputDevice::key(int code, bool pressed) const
{
    emit(EV_KEY, static_cast<std::uint16_t>(code), pressed ? 1 : 0);
    emit(EV_SYN, SYN_REPORT, 0);
}

std::string UinputDevice::node() const
{
    std::array<char, 64> sysname{};
    must(ioctl(fd_.get(), UI_GET_SYSNAME(sysname.size()), sysname.data()), "UI_GET_SYSNAME");
    const std::string directory = std::string("/sys/devices/virtual/input/") + sysname.data();
    std::string node;
    const bool found = wait_until([&] {
        for (const auto& entry : std::filesystem::directory_iterator(directory)) {
            if (entry.path().filename().string().starts_with("event"))
                node = "/dev/input/" + entry.path().filename().string();
        }
        return !node.empty() && access(node.c_str(), F_OK) == 0;
    });
    if (!found)
        throw std::runtime_error("no evdev node in " + directory);
    return node;
}

void UinputDevice::emit(std::uint16_t type, std::uint16_t code, std::int32_t value) const
{
    input_event event{};
    event.type = type;
    event.code = code;
    event.value = value;
    if (write(fd_.get(), &event, sizeof(event)) != sizeof(event))
        throw std::runtime_error("uinput did not accept the event");
}

}  // namespace drvbus::test

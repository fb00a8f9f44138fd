// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/typed_input.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include <linux/hidraw.h>
#include <linux/input.h>
#include <linux/major.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

namespace drvbus::cli {

namespace {

// Minors of TTY_MAJOR below this one are virtual consoles.
constexpr unsigned kFirstSerialLine = 64;
// Minors of TTYAUX_MAJOR below this one are the process's own terminal and the system console.
constexpr unsigned kPtmx = 2;

constexpr const char* kTypedWarning = "all that is typed on it, including passwords, would be shown";

bool has(std::span<const std::byte> bits, std::size_t bit)
{
    return bit / 8 < bits.size() && (std::to_integer<unsigned>(bits[bit / 8]) >> bit % 8 & 1U) != 0;
}

/// Whether an evdev device may be a keyboard: it has letter keys, or the ioctl that returns its keys fails.
bool may_be_keyboard(int fd)
{
    int version = 0;
    if (ioctl(fd, EVIOCGVERSION, &version) < 0)
        return errno != ENOTTY && errno != EINVAL;
    std::array<std::byte, KEY_CNT / 8> keys{};
    return ioctl(fd, EVIOCGBIT(EV_KEY, keys.size()), keys.data()) < 0 || has_letter_keys(keys);
}

/// Whether a hidraw device may be a keyboard: its report descriptor has keys, or cannot be read.
bool may_be_hid_keyboard(int fd)
{
    hidraw_report_descriptor descriptor{};
    int size = 0;
    if (ioctl(fd, HIDIOCGRDESCSIZE, &size) < 0 || size < 0)
        return true;
    descriptor.size = std::min(static_cast<std::uint32_t>(size), std::uint32_t{HID_MAX_DESCRIPTOR_SIZE});
    return ioctl(fd, HIDIOCGRDESC, &descriptor) < 0 ||
           describes_keyboard(std::as_bytes(std::span(descriptor.value).first(descriptor.size)));
}

bool is_console(unsigned major_number, unsigned minor_number)
{
    return (major_number == TTY_MAJOR && minor_number < kFirstSerialLine) ||
           (major_number == TTYAUX_MAJOR && minor_number < kPtmx);
}

}  // namespace

bool has_letter_keys(std::span<const std::byte> keys) noexcept
{
    // The keys of each row of letters have consecutive codes.
    constexpr std::array<std::array<std::size_t, 2>, 3> kRows{{{KEY_Q, KEY_P}, {KEY_A, KEY_L}, {KEY_Z, KEY_M}}};
    return std::ranges::any_of(kRows, [keys](const auto& row) {
        for (std::size_t key = row[0]; key <= row[1]; ++key) {
            if (has(keys, key))
                return true;
        }
        return false;
    });
}

bool describes_keyboard(std::span<const std::byte> descriptor) noexcept
{
    // The item "Usage Page (Keyboard/Keypad)": HID Usage Tables, section 10.
    constexpr std::array kKeys{std::byte{0x05}, std::byte{0x07}};
    return std::search(descriptor.begin(), descriptor.end(), kKeys.begin(), kKeys.end()) != descriptor.end();
}

std::string reason_not_to_read(const DeviceInfo& info, int fd)
{
    if (info.type != DeviceInfo::Type::character_device)
        return {};
    const unsigned number = major(info.status.st_rdev);
    if ((number == INPUT_MAJOR || info.subsystem == "input") && may_be_keyboard(fd))
        return std::string("it has letter keys: ") + kTypedWarning;
    if ((info.major_name == "hidraw" || info.subsystem == "hidraw") && may_be_hid_keyboard(fd))
        return std::string("it has keys: ") + kTypedWarning;
    if (is_console(number, minor(info.status.st_rdev)))
        return std::string("it is a console: ") + kTypedWarning;
    return {};
}

}  // namespace drvbus::cli

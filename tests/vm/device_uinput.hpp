// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"

namespace drvbus::test {

/// An input device made with uinput: its evdev node reports the key events that a test writes.
class UinputDevice {
public:
    /// @param keys EV_KEY codes of the keys that the device has
    /// @param phys where the device is connected; empty: unknown
    UinputDevice(const std::string& name, const std::vector<int>& keys, const std::string& phys = {});
    UinputDevice(const UinputDevice&) = delete;
    UinputDevice& operator=(const UinputDevice&) = delete;
    ~UinputDevice();

    /// Reports that a key is pressed or released, then EV_SYN.
    void key(int code, bool pressed) const;

    /// /dev/input/eventN; N differs between devices. Waits until the node exists.
    [[nodiscard]] std::string node() const;

private:
    void emit(std::uint16_t type, std::uint16_t code, std::int32_t value) const;

    UniqueFd fd_;
};

}  // namespace drvbus::test

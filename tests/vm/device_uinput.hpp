// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"

namespace drvbus::test {

/// An input device of the kernel's uinput: what is written to it comes out of an evdev node.
class UinputDevice {
public:
    /// @param keys codes of EV_KEY that it has
    UinputDevice(const std::string& name, const std::vector<int>& keys);
    UinputDevice(const UinputDevice&) = delete;
    UinputDevice& operator=(const UinputDevice&) = delete;
    ~UinputDevice();

    /// Presses or lets go of a key, and says that this is all (EV_SYN).
    void key(int code, bool pressed) const;

    /// /dev/input/eventN, which is another one each time.
    [[nodiscard]] std::string node() const;

private:
    void emit(std::uint16_t type, std::uint16_t code, std::int32_t value) const;

    UniqueFd fd_;
};

}  // namespace drvbus::test

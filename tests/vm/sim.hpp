// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>

namespace drvbus::test {

/// A channel of drvbus_sim, created through configfs and removed by the destructor.
class SimChannel {
public:
    struct Settings {
        unsigned depth = 1024;
        unsigned payload_size = 64;
        std::string format;
        std::string event_names;
        bool legacy = false;
    };

    /// Creates the channel and, with `live`, registers it. Throws std::system_error when the kernel refuses.
    explicit SimChannel(std::string name) : SimChannel(std::move(name), Settings{}) {}
    SimChannel(std::string name, const Settings& settings, bool live = true);
    SimChannel(const SimChannel&) = delete;
    SimChannel& operator=(const SimChannel&) = delete;
    ~SimChannel();

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::string node() const { return "/dev/drvbus/" + name_; }

    /// @returns 0 or the errno of the write
    int set(const std::string& attribute, const std::string& value) const;
    /// Emits one event; `payload` in hexadecimal digits. @returns 0 or errno
    int emit(std::uint32_t id, const std::string& payload = {}, bool urgent = false) const;
    /// Emits `count` events at once. @returns 0 or errno
    int burst(std::uint64_t count) const;
    /// Registers or unregisters the channel. @returns 0 or errno
    int live(bool on) const { return set("live", on ? "1" : "0"); }
    /// Removes the channel, as the removal of a driver does. @returns 0 or errno
    int remove();

    /// @returns a numeric attribute in /sys/class/drvbus/NAME
    [[nodiscard]] std::uint64_t sysfs(const std::string& attribute) const;

private:
    std::string name_;
    std::string directory_;
};

/// @returns the bytes of `value` as a little-endian integer of `size` bytes, in hexadecimal digits
std::string hex(std::uint64_t value, std::size_t size);

}  // namespace drvbus::test

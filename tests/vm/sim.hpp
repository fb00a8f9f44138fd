// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>

namespace drvbus::test {

/// A channel of drvbus_sim, made by way of configfs, gone with this.
class SimChannel {
public:
    struct Settings {
        unsigned depth = 1024;
        unsigned payload_size = 64;
        std::string format;
        std::string event_names;
        bool legacy = false;
    };

    /// Makes it and, where asked, lets it go live. Throws where the kernel refuses.
    explicit SimChannel(std::string name) : SimChannel(std::move(name), Settings{}) {}
    SimChannel(std::string name, const Settings& settings, bool live = true);
    SimChannel(const SimChannel&) = delete;
    SimChannel& operator=(const SimChannel&) = delete;
    ~SimChannel();

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::string node() const { return "/dev/drvbus/" + name_; }

    /// @returns 0 or the errno of the write
    int set(const std::string& attribute, const std::string& value) const;
    /// One event; `payload` in hexadecimal digits.
    int emit(std::uint32_t id, const std::string& payload = {}, bool urgent = false) const;
    int burst(std::uint64_t count) const;
    int live(bool on) const { return set("live", on ? "1" : "0"); }
    /// Ends the channel as a driver's removal would. @returns 0 or errno
    int remove();

    /// An attribute under /sys/class/drvbus/NAME, as a number.
    [[nodiscard]] std::uint64_t sysfs(const std::string& attribute) const;

private:
    std::string name_;
    std::string directory_;
};

/// `value` as the bytes of a little-endian integer of `size` bytes, in hexadecimal digits.
std::string hex(std::uint64_t value, std::size_t size);

}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

#include <systemd/sd-bus.h>

#include "device/event.hpp"
#include "format/format.hpp"

namespace drvbus::bus {

/// What a publisher has to know of a channel.
struct Published {
    std::string path;  ///< of the object on the bus
    std::map<std::uint32_t, std::string> event_names;
    format::Format format;
};

/// The connection to the bus did not take a signal. The daemon cannot go on: the connection is broken.
class SendError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Turns events into signals of org.drvbus1.Channel. One for all channels.
class Publisher {
public:
    explicit Publisher(sd_bus* bus) : bus_(bus) {}

    /// Sends `Event`; the connection has taken it when this returns.
    /// @returns false where the payload did not fit the channel's format and went out as bytes
    /// @throws SendError where the connection did not take it
    bool event(const Published& channel, const device::Event& event);

    /// Sends `Lost`, likewise.
    void lost(const Published& channel, std::uint64_t first, std::uint64_t count);

private:
    void append_data(sd_bus_message* message, const format::Format& format, std::span<const std::byte> payload);
    void append_fields(sd_bus_message* message, const format::Format& format, std::span<const std::byte> payload);
    void append_value(sd_bus_message* message, const format::Field& field, std::span<const std::byte> bytes);
    void append_text(sd_bus_message* message, std::span<const std::byte> bytes);

    sd_bus* bus_;
    std::string text_;  // for strings that have to be made; kept for its memory
};

/// Path of the channel called `name` on the bus.
[[nodiscard]] std::string channel_path(const std::string& name);

}  // namespace drvbus::bus

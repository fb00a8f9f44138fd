// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

#include <systemd/sd-bus.h>

#include "format/format.hpp"
#include "record/record.hpp"

namespace drvbus::bus {

/// What has to be known of a channel to put its events into messages.
struct Published {
    std::string path;  ///< of the object on the bus
    std::map<std::uint32_t, std::string> event_names;
    format::Format format;
};

/// The connection to the bus did not take a message: it is broken.
class SendError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct MessageDeleter {
    void operator()(sd_bus_message* message) const noexcept { sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, MessageDeleter>;

void append(sd_bus_message* message, char type, const void* value);
void append_array(sd_bus_message* message, char type, std::span<const std::byte> bytes);
void open(sd_bus_message* message, char type, const char* contents);
void close(sd_bus_message* message);

/// @throws SendError
void send(sd_bus_message* message);

/// Puts events into messages. One for all channels: it keeps the memory it needs.
class EventEncoder {
public:
    /// D-Bus signature of what `append_event` appends.
    static constexpr const char* kSignature = "sttuv";

    /// Appends name, sequence, time, id and data.
    /// @returns false where the payload did not fit the channel's format and went in as bytes
    bool append_event(sd_bus_message* message, const Published& channel, const device::Event& event);

private:
    void append_data(sd_bus_message* message, const format::Format& format, std::span<const std::byte> payload);
    void append_fields(sd_bus_message* message, const format::Format& format, std::span<const std::byte> payload);
    void append_value(sd_bus_message* message, const format::Field& field, std::span<const std::byte> bytes);
    void append_text(sd_bus_message* message, std::span<const std::byte> bytes);

    std::string text_;  // for strings that have to be made; kept for its memory
};

}  // namespace drvbus::bus

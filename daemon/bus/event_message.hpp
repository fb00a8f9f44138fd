// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include <systemd/sd-bus.h>

#include "format/format.hpp"
#include "record/record.hpp"

namespace drvbus::bus {

/// What the bus messages of one channel need in addition to the event.
struct MessageContext {
    std::string path;                                  ///< of the channel's object on the bus
    std::map<std::uint32_t, std::string> event_names;  ///< by event id
    format::Format format;                             ///< of the payloads
    std::string other_events{};  ///< name of the events whose id has none; empty: the digits of the id

    /// The same without names and format: sd-bus accepts the message of every event with it.
    [[nodiscard]] MessageContext plain() const { return {path, {}, {}}; }
};

/// The connection to the bus broke, so a message could not be sent.
class SendError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct MessageDeleter {
    void operator()(sd_bus_message* message) const noexcept { sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, MessageDeleter>;

/// Wrappers of sd_bus_message_append_basic(), _append_array(), _open_container() and _close_container().
/// @throws std::system_error
void append(sd_bus_message* message, char type, const void* value);
void append_array(sd_bus_message* message, char type, std::span<const std::byte> bytes);
void open(sd_bus_message* message, char type, const char* contents);
void close(sd_bus_message* message);

/// Sends the message on its connection. The bus has accepted it once Connection::is_flushed returns true.
/// @throws SendError
void send(sd_bus_message* message);

/// Appends events to messages. One object serves all channels, because it reuses its buffer.
class EventEncoder {
public:
    /// D-Bus signature of the values that `append_event` appends.
    static constexpr const char* kSignature = "sttuv";

    /// Appends name, sequence, time, id and data of an event. Unless the channel has a name for all events, the name
    /// of an event id without a name is its decimal digits, so that a match on arg0 works for such an event as well. An
    /// event whose payload does not fit the format has the name record::kMismatchName.
    /// @returns false if the payload does not fit the channel's format and was appended as bytes
    /// @throws std::system_error if sd-bus refuses a value; `message` is then incomplete
    bool append_event(sd_bus_message* message, const MessageContext& context, const record::Event& event);

private:
    void append_data(sd_bus_message* message, const format::Format& format, const record::Event& event);
    void append_fields(sd_bus_message* message, const format::Format& format, const record::Event& event);
    void append_variant(sd_bus_message* message, const format::Field& field, std::span<const std::byte> bytes);
    void append_text_variant(sd_bus_message* message, const format::Field& field, std::span<const std::byte> bytes);
    void append_pairs_variant(sd_bus_message* message, std::span<const std::byte> bytes);
    void append_converted_variant(sd_bus_message* message, const format::Field& field,
                                  std::span<const std::byte> bytes);
    void append_converted(sd_bus_message* message, const format::Field& field, std::span<const std::byte> bytes);
    static void append_bytes_variant(sd_bus_message* message, std::span<const std::byte> bytes);
    void append_string(sd_bus_message* message, std::string_view text);
    static void append_value(sd_bus_message* message, const format::Field& field, std::span<const std::byte> bytes);

    std::string terminated_text_;  // buffer for append_string: sd-bus needs a NUL after the text
};

}  // namespace drvbus::bus

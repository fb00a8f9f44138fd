// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>

#include "bus/connection.hpp"
#include "bus/event_message.hpp"
#include "record/record.hpp"

namespace drvbus::bus {

/// Sends the signals of org.drvbus1.Channel. One object serves all channels.
class Publisher {
public:
    /// @param connection must outlive the publisher
    explicit Publisher(Connection& connection) : connection_(connection) {}

    /// Sends the signal Event. The bus has accepted it once Connection::is_flushed returns true. If sd-bus refuses the
    /// name or a value, the event is sent with its decimal id as the name and its payload as bytes.
    /// @returns false if the payload does not fit the channel's format, or sd-bus refused it, and was sent as bytes
    /// @throws SendError
    bool event(const MessageContext& context, const record::Event& event);

    /// Sends the signal Lost, in the same way.
    /// @param first sequence of the first lost event
    /// @param count number of lost events; 0: unknown
    /// @throws SendError
    void lost(const MessageContext& context, std::uint64_t first, std::uint64_t count);

private:
    bool send_event(const MessageContext& context, const record::Event& event);
    [[nodiscard]] Message new_signal(const std::string& path, const char* member) const;

    Connection& connection_;
    EventEncoder encoder_;
};

/// The object path of the channel called `name`.
[[nodiscard]] std::string channel_path(const std::string& name);

}  // namespace drvbus::bus

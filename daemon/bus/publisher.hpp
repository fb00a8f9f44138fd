// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <string>

#include "bus/connection.hpp"
#include "bus/event_message.hpp"
#include "record/record.hpp"

namespace drvbus::bus {

/// Turns events into signals of org.drvbus1.Channel. One for all channels.
class Publisher {
public:
    /// @param connection outlives the publisher
    explicit Publisher(Connection& connection) : connection_(connection) {}

    /// Sends `Event`. Once the connection has nothing queued, the bus has it.
    /// @returns false where the payload did not fit the channel's format and went out as bytes
    /// @throws SendError
    bool event(const Published& channel, const device::Event& event);

    /// Sends `Lost`, likewise.
    void lost(const Published& channel, std::uint64_t first, std::uint64_t count);

private:
    [[nodiscard]] Message new_signal(const std::string& path, const char* member) const;

    Connection& connection_;
    EventEncoder encoder_;
};

/// Path of the channel called `name` on the bus.
[[nodiscard]] std::string channel_path(const std::string& name);

}  // namespace drvbus::bus

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bus/sdbus_version.hpp"
#include "drvbus/org.drvbus1-proxy.hpp"
#include "support/wait.hpp"

namespace drvbus::test {

/// A received signal `Event`.
struct Event {
    std::string name;
    std::uint64_t sequence;
    std::uint64_t time;
    std::uint32_t id;
    sdbus::Variant data;

    /// The fields of `data`, which must be of type a{sv}.
    [[nodiscard]] std::map<std::string, sdbus::Variant> fields() const
    {
        return data.get<std::map<std::string, sdbus::Variant>>();
    }
};

/// A received signal `Lost`.
struct Lost {
    std::uint64_t first;
    std::uint64_t count;  ///< 0: unknown; the events have one sequence
};

/// All signals received from one channel, in order.
struct Received {
    std::vector<Event> events;
    std::vector<Lost> lost;

    /// Number of events that all `Lost` signals announced.
    [[nodiscard]] std::uint64_t lost_count() const;
    /// Checks that the signals account for the sequences 1 to `last` in order: each exactly once, as an event or as
    /// part of a loss. @returns a description of the first deviation, or an empty string
    [[nodiscard]] std::string gaps(std::uint64_t last) const;

    /// In order of arrival: true for an Event, false for a Lost.
    std::vector<bool> order;
};

/// Connects to the bus at `address`; if it is empty, to the system bus.
std::unique_ptr<sdbus::IConnection> connect(const std::string& address);

/// Subscribes to one channel with the generated proxy. Has its own connection and thread.
class Subscriber {
public:
    /// Value of the property Previous: instance and next sequence.
    using InstancePosition = sdbus::Struct<std::uint64_t, std::uint64_t>;

    /// @param address of the bus; if it is empty, the system bus
    Subscriber(const std::string& channel, const std::string& address = {});
    Subscriber(const Subscriber&) = delete;
    Subscriber& operator=(const Subscriber&) = delete;
    ~Subscriber();

    /// The signals received so far.
    [[nodiscard]] Received received() const;
    /// Waits until `condition` holds for the received signals.
    bool wait(const std::function<bool(const Received&)>& condition, std::chrono::milliseconds limit = kLimit) const;
    /// Waits until `count` events have been received or announced as lost.
    bool wait_for(std::uint64_t count, std::chrono::milliseconds limit = kLimit) const;

    /// Proxy for methods and properties; each read of a property is a call.
    [[nodiscard]] org::drvbus1::Channel_proxy& channel() const;

private:
    class Proxy;
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    Received received_;
    std::unique_ptr<sdbus::IConnection> connection_;
    std::unique_ptr<Proxy> proxy_;
};

/// Object path of a channel.
std::string channel_path(const std::string& channel);

}  // namespace drvbus::test

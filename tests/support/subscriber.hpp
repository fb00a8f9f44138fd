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

#include "drvbus/org.drvbus1-proxy.hpp"
#include "sdbus_version.hpp"
#include "support/wait.hpp"

namespace drvbus::test {

/// An `Event` as it came over the bus.
struct Event {
    std::string name;
    std::uint64_t sequence;
    std::uint64_t time;
    std::uint32_t id;
    sdbus::Variant data;

    /// The fields of data of type a{sv}.
    [[nodiscard]] std::map<std::string, sdbus::Variant> fields() const
    {
        return data.get<std::map<std::string, sdbus::Variant>>();
    }
};

/// A `Lost` as it came over the bus.
struct Lost {
    std::uint64_t first;
    std::uint64_t count;
};

/// Everything that a channel said, in order.
struct Received {
    std::vector<Event> events;
    std::vector<Lost> lost;

    [[nodiscard]] std::uint64_t lost_count() const;
    /// What is wrong where the sequences do not run from 1 to `last` in order, with each event received
    /// once or counted lost once, in the place where it would have been; empty where all is right.
    [[nodiscard]] std::string gaps(std::uint64_t last) const;

    /// In order of arrival: true for an event, false for a Lost.
    std::vector<bool> order;
};

/// A connection of the test's own to the bus.
std::unique_ptr<sdbus::IConnection> connect(const std::string& address);

/// Subscribes to one channel with the generated proxy, on a connection and thread of its own.
class Subscriber {
public:
    /// What the property Previous is.
    using InstancePosition = sdbus::Struct<std::uint64_t, std::uint64_t>;

    /// @param address of the bus; empty: the system bus
    Subscriber(const std::string& channel, const std::string& address = {});
    Subscriber(const Subscriber&) = delete;
    Subscriber& operator=(const Subscriber&) = delete;
    ~Subscriber();

    /// What came so far.
    [[nodiscard]] Received received() const;
    /// Waits until `condition` holds for what came.
    bool wait(const std::function<bool(const Received&)>& condition, std::chrono::milliseconds limit = kLimit) const;
    /// Waits until this many events have come or been told lost.
    bool wait_for(std::uint64_t count, std::chrono::milliseconds limit = kLimit) const;

    /// Properties, asked anew each time.
    [[nodiscard]] org::drvbus1::Channel_proxy& channel() const;

private:
    class Proxy;
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    Received received_;
    std::unique_ptr<sdbus::IConnection> connection_;
    std::unique_ptr<Proxy> proxy_;
};

/// Path of a channel's object.
std::string channel_path(const std::string& channel);

}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Receiving every event of a channel once and in order, on a connection of sdbus-c++.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <drvbus/follower.hpp>
#include <drvbus/names.hpp>
#include <drvbus/org.drvbus1-proxy.hpp>
#include <drvbus/sdbus_compat.hpp>

namespace drvbus::client {

static_assert(std::string_view(org::drvbus1::Channel_proxy::INTERFACE_NAME) == kChannelInterface,
              "org.drvbus1-proxy.hpp is for another version of the D-Bus interface than the other headers");

/// Follows one channel on a connection. The channel and the service may be absent at any time.
///
/// Threads: construct it, call it and destroy it in the thread that serves the connection. The handlers run there.
/// Subscription does all of this, and connects again when the bus has closed the connection.
class ChannelFollower final : public Follower, public sdbus::ProxyInterfaces<org::drvbus1::Channel_proxy> {
public:
    /// Subscribes to the signals of the channel. Call `catch_up` afterwards.
    /// @param connection must outlive the follower
    /// @param channel name of the channel
    /// @throws sdbus::Error if the bus refuses the subscription
    ChannelFollower(sdbus::IConnection& connection, const std::string& channel, Handlers handlers,
                    Position position = {})
        : Follower(std::move(handlers), position),
          ProxyInterfaces(connection, ServiceName(kServiceName), sdbus::ObjectPath(channel_path(channel))),
          bus_(sdbus::createProxy(connection, ServiceName("org.freedesktop.DBus"),
                                  sdbus::ObjectPath("/org/freedesktop/DBus")))
    {
        registerProxy();
    }
    ChannelFollower(const ChannelFollower&) = delete;
    ChannelFollower& operator=(const ChannelFollower&) = delete;
    ~ChannelFollower() override { unregisterProxy(); }

private:
    void onEvent(const std::string& name, const std::uint64_t& sequence, const std::uint64_t& time,
                 const std::uint32_t& id, const sdbus::Variant& data) override
    {
        handle_event({name, sequence, time, id, data});
    }

    void onLost(const std::uint64_t& first, const std::uint64_t& count) override { handle_lost(first, count); }

    EventList get_events(std::uint64_t since) override
    {
        const auto [events, next, more, lost, instance] = GetEvents(since, 0);
        EventList list{{}, next, more, instance};
        list.events.reserve(events.size());
        for (const auto& event : events)
            list.events.push_back(
                {std::get<0>(event), std::get<1>(event), std::get<2>(event), std::get<3>(event), std::get<4>(event)});
        return list;
    }

    InstancePosition get_previous() override
    {
        const sdbus::Struct<std::uint64_t, std::uint64_t> previous = Previous();
        return {std::get<0>(previous), std::get<1>(previous)};
    }

    void call_bus() override
    {
        bus_->callMethodAsync("GetId")
            .onInterface("org.freedesktop.DBus")
            .uponReplyInvoke([this](MaybeError error, const std::string&) { handle_bus_reply(!error); });
    }

    std::unique_ptr<sdbus::IProxy> bus_;
};

}  // namespace drvbus::client

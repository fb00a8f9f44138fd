// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bus/connection.hpp"
#include "bus/replay.hpp"
#include "org.drvbus1-adaptor.hpp"

namespace drvbus::bus {

/// What sdbus-c++ passes to the handler of GetEvents to answer the call with.
using EventsResult =
    sdbus::Result<std::vector<sdbus::Struct<std::string, std::uint64_t, std::uint64_t, std::uint32_t, sdbus::Variant>>,
                  std::uint64_t, bool, std::uint64_t, std::uint64_t>;

/// Values of the properties of org.drvbus1.Manager; dbus/org.drvbus1.xml has their meaning.
struct ManagerProperties {
    std::uint32_t channels = 0;
    std::uint64_t events_published = 0;
    std::uint64_t events_lost = 0;
};

/// The object /org/drvbus1. It exists on the bus as long as this C++ object.
class ManagerObject final
    : public sdbus::AdaptorInterfaces<sdbus::ObjectManager_adaptor, org::drvbus1::Manager_adaptor> {
public:
    /// What the object asks the daemon for, from the event loop. Must stay callable while the object exists.
    struct Callbacks {
        std::function<ManagerProperties()> properties;
        std::function<void()> reload;  ///< may throw MethodError, or std::exception for org.drvbus1.Error.Failed
    };

    /// @param connection must outlive the object
    ManagerObject(Connection& connection, Callbacks callbacks);
    ManagerObject(const ManagerObject&) = delete;
    ManagerObject& operator=(const ManagerObject&) = delete;
    ~ManagerObject();

    /// Sends PropertiesChanged for the property Channels.
    void emit_channels_changed();

private:
    void Reload() override;
    std::string Version() override;
    std::uint32_t Channels() override { return callbacks_.properties().channels; }
    std::uint64_t EventsPublished() override { return callbacks_.properties().events_published; }
    std::uint64_t EventsLost() override { return callbacks_.properties().events_lost; }

    Callbacks callbacks_;
};

/// Values of the properties of org.drvbus1.Channel; dbus/org.drvbus1.xml has their meaning.
struct ChannelProperties {
    std::string name;
    std::string device;
    std::string notification;
    std::string format;
    std::string state;
    std::string reason;
    std::uint64_t instance = 0;
    std::uint64_t previous_instance = 0;
    std::uint64_t previous_next_sequence = 0;
    std::uint64_t next_sequence = 0;
    std::uint64_t events_published = 0;
    std::uint64_t events_lost = 0;
    std::uint64_t format_mismatches = 0;
};

/// The object /org/drvbus1/channel/NAME. It exists on the bus as long as this C++ object: its constructor sends
/// InterfacesAdded, its destructor InterfacesRemoved.
class ChannelObject final
    : public sdbus::AdaptorInterfaces<org::drvbus1::Channel_adaptor, sdbus::ManagedObject_adaptor> {
public:
    /// What the object asks the channel for, from the event loop. Must stay callable while the object exists.
    struct Callbacks {
        std::function<ChannelProperties()> properties;
        /// The events from the sequence `since` on. May throw MethodError, or std::exception for
        /// org.drvbus1.Error.Failed.
        std::function<Replay(std::uint64_t since)> replay;
    };

    /// @param connection must outlive the object
    ChannelObject(Connection& connection, const std::string& path, Callbacks callbacks);
    ChannelObject(const ChannelObject&) = delete;
    ChannelObject& operator=(const ChannelObject&) = delete;
    ~ChannelObject();

    /// Sends PropertiesChanged for all properties whose changes are announced, that is, for all but the name and the
    /// counters.
    void emit_changed();

private:
    void GetEvents(EventsResult&& result, std::uint64_t since, std::uint32_t max) override;
    std::string Name() override { return callbacks_.properties().name; }
    std::string Device() override { return callbacks_.properties().device; }
    std::string Notification() override { return callbacks_.properties().notification; }
    std::string Format() override { return callbacks_.properties().format; }
    std::string State() override { return callbacks_.properties().state; }
    std::string Reason() override { return callbacks_.properties().reason; }
    std::uint64_t Instance() override { return callbacks_.properties().instance; }
    sdbus::Struct<std::uint64_t, std::uint64_t> Previous() override;
    std::uint64_t NextSequence() override { return callbacks_.properties().next_sequence; }
    std::uint64_t EventsPublished() override { return callbacks_.properties().events_published; }
    std::uint64_t EventsLost() override { return callbacks_.properties().events_lost; }
    std::uint64_t FormatMismatches() override { return callbacks_.properties().format_mismatches; }

    Callbacks callbacks_;
    sd_bus* bus_;
};

}  // namespace drvbus::bus

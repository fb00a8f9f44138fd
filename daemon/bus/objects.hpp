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

/// The object with which a handler of GetEvents can reply to the call later; sdbus-c++ passes it to the handler.
using EventsResult =
    sdbus::Result<std::vector<sdbus::Struct<std::string, std::uint64_t, std::uint64_t, std::uint32_t, sdbus::Variant>>,
                  std::uint64_t, bool, std::uint64_t, std::uint64_t>;

/// Values of the properties of org.drvbus1.Manager, which dbus/org.drvbus1.xml describes.
struct ManagerProperties {
    std::uint32_t channels = 0;
    std::uint64_t events_published = 0;
    std::uint64_t events_lost = 0;
};

/// The object /org/drvbus1. It is on the bus for as long as this C++ object exists.
class ManagerObject final
    : public sdbus::AdaptorInterfaces<sdbus::ObjectManager_adaptor, org::drvbus1::Manager_adaptor> {
public:
    /// The object calls these from the event loop. They must be callable while the object exists.
    struct Callbacks {
        std::function<ManagerProperties()> properties;
        /// Loads the configuration again. May throw MethodError; any other std::exception becomes
        /// org.drvbus1.Error.Failed.
        std::function<void()> reload;
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

/// Values of the properties of org.drvbus1.Channel, which dbus/org.drvbus1.xml describes.
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
    std::uint64_t framing_errors = 0;
};

/// The object /org/drvbus1/channel/NAME. It is on the bus for as long as this C++ object exists. The constructor sends
/// InterfacesAdded, the destructor InterfacesRemoved.
class ChannelObject final
    : public sdbus::AdaptorInterfaces<org::drvbus1::Channel_adaptor, sdbus::ManagedObject_adaptor> {
public:
    /// The object calls these from the event loop. They must be callable while the object exists.
    struct Callbacks {
        std::function<ChannelProperties()> properties;
        /// Returns the events from the sequence `since` on. May throw MethodError; any other std::exception becomes
        /// org.drvbus1.Error.Failed.
        std::function<Replay(std::uint64_t since)> replay;
    };

    /// @param connection must outlive the object
    ChannelObject(Connection& connection, const std::string& path, Callbacks callbacks);
    ChannelObject(const ChannelObject&) = delete;
    ChannelObject& operator=(const ChannelObject&) = delete;
    ~ChannelObject();

    /// Sends PropertiesChanged for all properties except the name, the counters and NextSequence.
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
    std::uint64_t FramingErrors() override { return callbacks_.properties().framing_errors; }

    Callbacks callbacks_;
    sd_bus* bus_;
};

}  // namespace drvbus::bus

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bus/connection.hpp"
#include "bus/replay.hpp"
#include "checkpoint/checkpoint.hpp"
#include "org.drvbus1-adaptor.hpp"

namespace drvbus::bus {

/// Takes what GetEvents answers.
using EventsResult =
    sdbus::Result<std::vector<sdbus::Struct<std::string, std::uint64_t, std::uint64_t, std::uint32_t, sdbus::Variant>>,
                  std::uint64_t, bool, std::uint64_t, std::uint64_t>;

/// What the bus may ask of the daemon. Outlives the objects.
class ManagerModel {
public:
    ManagerModel() = default;
    ManagerModel(const ManagerModel&) = delete;
    ManagerModel& operator=(const ManagerModel&) = delete;
    virtual ~ManagerModel() = default;

    [[nodiscard]] virtual std::uint32_t channels() const = 0;
    [[nodiscard]] virtual std::uint64_t events_published() const = 0;
    [[nodiscard]] virtual std::uint64_t events_lost() const = 0;
    /// @throws ConfigError
    virtual void reload() = 0;
};

/// What the bus may ask of a channel. Outlives its object.
class ChannelModel {
public:
    ChannelModel() = default;
    ChannelModel(const ChannelModel&) = delete;
    ChannelModel& operator=(const ChannelModel&) = delete;
    virtual ~ChannelModel() = default;

    [[nodiscard]] virtual std::string name() const = 0;
    [[nodiscard]] virtual std::string device() const = 0;
    [[nodiscard]] virtual std::string notification() const = 0;
    [[nodiscard]] virtual std::string format() const = 0;
    [[nodiscard]] virtual std::string state() const = 0;
    [[nodiscard]] virtual std::string reason() const = 0;
    [[nodiscard]] virtual std::uint64_t instance() const = 0;
    [[nodiscard]] virtual device::Ending previous() const = 0;
    [[nodiscard]] virtual std::uint64_t next_sequence() const = 0;
    [[nodiscard]] virtual std::uint64_t events_published() const = 0;
    [[nodiscard]] virtual std::uint64_t events_lost() const = 0;
    [[nodiscard]] virtual std::uint64_t format_mismatches() const = 0;
    /// The events still held from the sequence `since` on; valid until the channel's next turn.
    /// @throws ReplayError, std::exception
    [[nodiscard]] virtual Replay replay(std::uint64_t since) = 0;
};

/// /org/drvbus1
class ManagerObject final
    : public sdbus::AdaptorInterfaces<sdbus::ObjectManager_adaptor, org::drvbus1::Manager_adaptor> {
public:
    ManagerObject(Connection& connection, ManagerModel& model);
    ManagerObject(const ManagerObject&) = delete;
    ManagerObject& operator=(const ManagerObject&) = delete;
    ~ManagerObject();

    void channels_changed();

private:
    void Reload() override;
    std::string Version() override;
    std::uint32_t Channels() override { return model_.channels(); }
    std::uint64_t EventsPublished() override { return model_.events_published(); }
    std::uint64_t EventsLost() override { return model_.events_lost(); }

    ManagerModel& model_;
};

/// /org/drvbus1/channel/NAME; says InterfacesAdded and InterfacesRemoved as it comes and goes.
class ChannelObject final
    : public sdbus::AdaptorInterfaces<org::drvbus1::Channel_adaptor, sdbus::ManagedObject_adaptor> {
public:
    ChannelObject(Connection& connection, const std::string& path, ChannelModel& model);
    ChannelObject(const ChannelObject&) = delete;
    ChannelObject& operator=(const ChannelObject&) = delete;
    ~ChannelObject();

    /// Sends PropertiesChanged for the properties that say how the channel is served.
    void changed();

private:
    void GetEvents(EventsResult&& result, std::uint64_t since, std::uint32_t max) override;
    std::string Name() override { return model_.name(); }
    std::string Device() override { return model_.device(); }
    std::string Notification() override { return model_.notification(); }
    std::string Format() override { return model_.format(); }
    std::string State() override { return model_.state(); }
    std::string Reason() override { return model_.reason(); }
    std::uint64_t Instance() override { return model_.instance(); }
    sdbus::Struct<std::uint64_t, std::uint64_t> Previous() override;
    std::uint64_t NextSequence() override { return model_.next_sequence(); }
    std::uint64_t EventsPublished() override { return model_.events_published(); }
    std::uint64_t EventsLost() override { return model_.events_lost(); }
    std::uint64_t FormatMismatches() override { return model_.format_mismatches(); }

    ChannelModel& model_;
    sd_bus* bus_;
};

}  // namespace drvbus::bus

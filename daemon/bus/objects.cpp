// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/objects.hpp"

#include <functional>

#include <spdlog/spdlog.h>

#include "config/config.hpp"
#include "version.hpp"

namespace drvbus::bus {

namespace {

constexpr const char* kFailed = "org.drvbus1.Error.Failed";

/// What is told to everyone is nobody's loss where the bus has just gone: who comes back to it asks.
void tell(const std::function<void()>& emit)
{
    try {
        emit();
    } catch (const sdbus::Error& error) {
        spdlog::debug("not told: {}", error.what());
    }
}

}  // namespace

ManagerObject::ManagerObject(Connection& connection, ManagerModel& model)
    : AdaptorInterfaces(connection.sdbus(), sdbus::ObjectPath(kManagerPath)), model_(model)
{
    registerAdaptor();
}

ManagerObject::~ManagerObject()
{
    unregisterAdaptor();
}

void ManagerObject::channels_changed()
{
    tell([this] {
        getObject().emitPropertiesChangedSignal(Manager_adaptor::INTERFACE_NAME, {PropertyName("Channels")});
    });
}

void ManagerObject::Reload()
{
    try {
        model_.reload();
    } catch (const ConfigError& error) {
        throw make_error("org.drvbus1.Error.InvalidConfiguration", error.what());
    } catch (const std::exception& error) {
        throw make_error(kFailed, error.what());
    }
}

std::string ManagerObject::Version()
{
    return kVersion;
}

ChannelObject::ChannelObject(Connection& connection, const std::string& path, ChannelModel& model)
    : AdaptorInterfaces(connection.sdbus(), sdbus::ObjectPath(path)), model_(model), bus_(connection.handle())
{
    registerAdaptor();
    tell([this] { emitInterfacesAddedSignal(); });
}

ChannelObject::~ChannelObject()
{
    tell([this] { emitInterfacesRemovedSignal(); });
    unregisterAdaptor();
}

void ChannelObject::changed()
{
    tell([this] {
        getObject().emitPropertiesChangedSignal(Channel_adaptor::INTERFACE_NAME,
                                                {PropertyName("Device"), PropertyName("Notification"),
                                                 PropertyName("Format"), PropertyName("State"), PropertyName("Reason"),
                                                 PropertyName("Instance"), PropertyName("Previous")});
    });
}

sdbus::Struct<std::uint64_t, std::uint64_t> ChannelObject::Previous()
{
    const device::Ending previous = model_.previous();
    return {previous.instance, previous.next_sequence};
}

void ChannelObject::GetEvents(EventsResult&& result, std::uint64_t since, std::uint32_t max)
{
    // The answer is written as the signals are, by sd-bus: nothing is left for `result` but errors.
    try {
        answer_get_events(sd_bus_get_current_message(bus_), model_.replay(since), since, max);
    } catch (const ReplayError& error) {
        result.returnError(make_error(error.name, error.what()));
    } catch (const SendError& error) {
        spdlog::debug("not answered: {}", error.what());  // there is nobody any more who waits for it
    } catch (const std::exception& error) {
        // Past here is C.
        result.returnError(make_error(kFailed, error.what()));
    }
}

}  // namespace drvbus::bus

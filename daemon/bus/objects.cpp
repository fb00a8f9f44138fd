// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/objects.hpp"

#include <functional>
#include <utility>

#include <spdlog/spdlog.h>

#include "version.hpp"

namespace drvbus::bus {

namespace {

constexpr const char* kFailed = "org.drvbus1.Error.Failed";

/// Sends a signal about an object. If the connection broke, the signal is dropped: after a reconnection each subscriber
/// requests the objects and their properties again.
void emit_or_drop(const std::function<void()>& emit)
{
    try {
        emit();
    } catch (const sdbus::Error& error) {
        spdlog::debug("signal dropped: {}", error.what());
    }
}

}  // namespace

ManagerObject::ManagerObject(Connection& connection, Callbacks callbacks)
    : AdaptorInterfaces(connection.sdbus(), sdbus::ObjectPath(kManagerPath)), callbacks_(std::move(callbacks))
{
    registerAdaptor();
}

ManagerObject::~ManagerObject()
{
    unregisterAdaptor();
}

void ManagerObject::emit_channels_changed()
{
    emit_or_drop([this] {
        getObject().emitPropertiesChangedSignal(Manager_adaptor::INTERFACE_NAME, {PropertyName("Channels")});
    });
}

void ManagerObject::Reload()
{
    try {
        callbacks_.reload();
    } catch (const MethodError& error) {
        throw make_error(error.name, error.what());
    } catch (const std::exception& error) {
        throw make_error(kFailed, error.what());
    }
}

std::string ManagerObject::Version()
{
    return kVersion;
}

ChannelObject::ChannelObject(Connection& connection, const std::string& path, Callbacks callbacks)
    : AdaptorInterfaces(connection.sdbus(), sdbus::ObjectPath(path)), callbacks_(std::move(callbacks)),
      bus_(connection.handle())
{
    registerAdaptor();
    emit_or_drop([this] { emitInterfacesAddedSignal(); });
}

ChannelObject::~ChannelObject()
{
    emit_or_drop([this] { emitInterfacesRemovedSignal(); });
    unregisterAdaptor();
}

void ChannelObject::emit_changed()
{
    emit_or_drop([this] {
        getObject().emitPropertiesChangedSignal(Channel_adaptor::INTERFACE_NAME,
                                                {PropertyName("Device"), PropertyName("Notification"),
                                                 PropertyName("Format"), PropertyName("State"), PropertyName("Reason"),
                                                 PropertyName("Instance"), PropertyName("Previous")});
    });
}

sdbus::Struct<std::uint64_t, std::uint64_t> ChannelObject::Previous()
{
    const ChannelProperties properties = callbacks_.properties();
    return {properties.previous_instance, properties.previous_next_sequence};
}

void ChannelObject::GetEvents(EventsResult&& result, std::uint64_t since, std::uint32_t max)
{
    // The reply is sent with sd-bus, like the signals; `result` is only used for errors. No exception may leave this
    // function: its caller is libsystemd, which is written in C.
    try {
        reply_to_get_events(sd_bus_get_current_message(bus_), callbacks_.replay(since), since, max);
    } catch (const MethodError& error) {
        result.returnError(make_error(error.name, error.what()));
    } catch (const SendError& error) {
        spdlog::debug("reply dropped, the connection to the bus broke: {}", error.what());
    } catch (const std::exception& error) {
        result.returnError(make_error(kFailed, error.what()));
    }
}

}  // namespace drvbus::bus

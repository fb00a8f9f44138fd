// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/objects.hpp"

#include <spdlog/spdlog.h>

#include "config.hpp"
#include "version.hpp"

namespace drvbus::bus {

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
    getObject().emitPropertiesChangedSignal(Manager_adaptor::INTERFACE_NAME, {PropertyName("Channels")});
}

void ManagerObject::Reload()
{
    try {
        model_.reload();
    } catch (const ConfigError& error) {
        throw make_error("org.drvbus1.Error.InvalidConfiguration", error.what());
    }
}

std::string ManagerObject::Version()
{
    return kVersion;
}

ChannelObject::ChannelObject(Connection& connection, const std::string& path, const ChannelModel& model)
    : AdaptorInterfaces(connection.sdbus(), sdbus::ObjectPath(path)), model_(model)
{
    registerAdaptor();
    emitInterfacesAddedSignal();
}

ChannelObject::~ChannelObject()
{
    try {
        emitInterfacesRemovedSignal();
    } catch (const sdbus::Error& error) {
        spdlog::debug("{}", error.what());  // the bus is gone, so nobody is left to be told
    }
    unregisterAdaptor();
}

void ChannelObject::changed()
{
    getObject().emitPropertiesChangedSignal(
        Channel_adaptor::INTERFACE_NAME,
        {PropertyName("Device"), PropertyName("Notification"), PropertyName("Format"), PropertyName("State")});
}

}  // namespace drvbus::bus

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Prints the events of a channel as their signals arrive, with the generated proxy of the client library. Does not
// detect that the bus dropped events; drvbus-follow shows how to receive every event.
//
// usage: drvbus-subscribe CHANNEL
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include <drvbus/names.hpp>
#include <drvbus/org.drvbus1-proxy.hpp>
#include <drvbus/sdbus_compat.hpp>

namespace {

using namespace drvbus::client;

class Channel final : public sdbus::ProxyInterfaces<org::drvbus1::Channel_proxy> {
public:
    Channel(sdbus::IConnection& connection, const std::string& name)
        : ProxyInterfaces(connection, ServiceName(kServiceName), sdbus::ObjectPath(channel_path(name)))
    {
        registerProxy();
    }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    ~Channel() { unregisterProxy(); }

private:
    void onEvent(const std::string& name, const std::uint64_t& sequence, const std::uint64_t& time,
                 const std::uint32_t& id, const sdbus::Variant& data) override
    {
        // The type of the data is a{sv} for named fields, au for bare parameters, or ay for bytes. A program that knows
        // its channel reads a field by data.get<std::map<std::string, sdbus::Variant>>().at("name").
        std::cout << sequence << ' ' << name << " id=" << id << " time=" << time << " data=" << data.peekValueType()
                  << std::endl;
    }

    void onLost(const std::uint64_t& first, const std::uint64_t& count) override
    {
        std::cout << "lost " << (count > 0 ? std::to_string(count) : "an unknown number") << " from " << first
                  << std::endl;
    }
};

}  // namespace

int main(int argc, char** argv)
{
    if (argc != 2) {
        std::cerr << "usage: drvbus-subscribe CHANNEL\n";
        return EXIT_FAILURE;
    }
    try {
        const auto connection = sdbus::createSystemBusConnection();
        const Channel channel(*connection, argv[1]);
        std::cout << "subscribed" << std::endl;
        connection->enterEventLoop();
    } catch (const sdbus::Error& error) {
        std::cerr << "drvbus-subscribe: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}

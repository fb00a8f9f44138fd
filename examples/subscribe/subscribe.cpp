// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Prints the events of a channel, with the proxy that sdbus-c++-xml2cpp makes from org.drvbus1.xml.
//
// usage: drvbus-subscribe CHANNEL
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include <systemd/sd-bus.h>

#include <drvbus/org.drvbus1-proxy.hpp>
#include <drvbus/sdbus_compat.hpp>

namespace {

class Channel final : public sdbus::ProxyInterfaces<org::drvbus1::Channel_proxy> {
public:
    Channel(sdbus::IConnection& connection, const std::string& path)
        : ProxyInterfaces(connection, drvbus::client::ServiceName("org.drvbus1"), sdbus::ObjectPath(path))
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
        // The data's type says what the channel sends: a{sv} fields, au parameters or ay bytes. A program
        // that knows its channel gets a field by data.get<std::map<std::string, sdbus::Variant>>().at("name").
        std::cout << sequence << ' ' << name << " id=" << id << " time=" << time << " data=" << data.peekValueType()
                  << std::endl;
    }

    void onLost(const std::uint64_t& first, const std::uint64_t& count) override
    {
        std::cout << "lost " << count << " from " << first << std::endl;
    }
};

std::string object_path(const char* channel)
{
    char* path = nullptr;
    if (sd_bus_path_encode("/org/drvbus1/channel", channel, &path) < 0)
        throw std::bad_alloc();
    std::string result(path);
    std::free(path);
    return result;
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc != 2) {
        std::cerr << "usage: drvbus-subscribe CHANNEL\n";
        return EXIT_FAILURE;
    }
    try {
        const auto connection = sdbus::createSystemBusConnection();
        const Channel channel(*connection, object_path(argv[1]));
        std::cout << "subscribed" << std::endl;
        connection->enterEventLoop();
    } catch (const sdbus::Error& error) {
        std::cerr << "drvbus-subscribe: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/subscriber.hpp"

#include <algorithm>
#include <cstdlib>

#include <systemd/sd-bus.h>

namespace drvbus::test {

std::uint64_t Received::lost_count() const
{
    std::uint64_t sum = 0;
    for (const Lost& loss : lost)
        sum += std::max<std::uint64_t>(loss.count, 1);
    return sum;
}

std::string Received::gaps(std::uint64_t last) const
{
    std::uint64_t next = 1;
    auto event = events.begin();
    auto loss = lost.begin();
    for (const bool is_event : order) {
        const std::uint64_t sequence = is_event ? event->sequence : loss->first;
        if (sequence != next)
            return (is_event ? "received event " : "received loss from ") + std::to_string(sequence) + ", expected " +
                   std::to_string(next);
        next += is_event ? 1 : std::max<std::uint64_t>(loss->count, 1);
        is_event ? static_cast<void>(++event) : static_cast<void>(++loss);
    }
    return next == last + 1
               ? ""
               : "the last sequence received is " + std::to_string(next - 1) + ", expected " + std::to_string(last);
}

std::unique_ptr<sdbus::IConnection> connect(const std::string& address)
{
    auto connection =
        address.empty() ? sdbus::createSystemBusConnection() : sdbus::createSessionBusConnectionWithAddress(address);
    connection->setMethodCallTimeout(kLimit);  // the default of 25 s is too short for a busy bus on a slow machine
    return connection;
}

std::string channel_path(const std::string& channel)
{
    char* path = nullptr;
    if (sd_bus_path_encode("/org/drvbus1/channel", channel.c_str(), &path) < 0)
        return {};
    std::string result(path);
    std::free(path);
    return result;
}

class Subscriber::Proxy final : public sdbus::ProxyInterfaces<org::drvbus1::Channel_proxy> {
public:
    Proxy(Subscriber& subscriber, sdbus::IConnection& connection, const std::string& path)
        : ProxyInterfaces(connection, bus::ServiceName("org.drvbus1"), sdbus::ObjectPath(path)), subscriber_(subscriber)
    {
        registerProxy();
    }
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;
    ~Proxy() { unregisterProxy(); }

private:
    void onEvent(const std::string& name, const std::uint64_t& sequence, const std::uint64_t& time,
                 const std::uint32_t& id, const sdbus::Variant& data) override
    {
        const std::lock_guard lock(subscriber_.mutex_);
        subscriber_.received_.events.push_back({name, sequence, time, id, data});
        subscriber_.received_.order.push_back(true);
        subscriber_.changed_.notify_all();
    }

    void onLost(const std::uint64_t& first, const std::uint64_t& count) override
    {
        const std::lock_guard lock(subscriber_.mutex_);
        subscriber_.received_.lost.push_back({first, count});
        subscriber_.received_.order.push_back(false);
        subscriber_.changed_.notify_all();
    }

    Subscriber& subscriber_;
};

Subscriber::Subscriber(const std::string& channel, const std::string& address)
    : connection_(connect(address)), proxy_(std::make_unique<Proxy>(*this, *connection_, channel_path(channel)))
{
    // The match is active now: the bus has answered the AddMatch call.
    connection_->enterEventLoopAsync();
}

Subscriber::~Subscriber()
{
    connection_->leaveEventLoop();
}

Received Subscriber::received() const
{
    const std::lock_guard lock(mutex_);
    return received_;
}

bool Subscriber::wait(const std::function<bool(const Received&)>& condition, std::chrono::milliseconds limit) const
{
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] { return condition(received_); });
}

bool Subscriber::wait_for(std::uint64_t count, std::chrono::milliseconds limit) const
{
    return wait([count](const Received& received) { return received.events.size() + received.lost_count() >= count; },
                limit);
}

org::drvbus1::Channel_proxy& Subscriber::channel() const
{
    return *proxy_;
}

}  // namespace drvbus::test

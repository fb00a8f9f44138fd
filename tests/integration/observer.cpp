// SPDX-License-Identifier: LGPL-2.1-or-later
#include "observer.hpp"

#include "support/subscriber.hpp"

namespace drvbus::test {

class Observer::Proxy final : public sdbus::ProxyInterfaces<org::drvbus1::Manager_proxy, sdbus::ObjectManager_proxy,
                                                            sdbus::Properties_proxy, sdbus::Introspectable_proxy> {
public:
    Proxy(Observer& observer, sdbus::IConnection& connection, const std::string& path)
        : ProxyInterfaces(connection, bus::ServiceName("org.drvbus1"), sdbus::ObjectPath(path)), observer_(observer)
    {
        registerProxy();
    }
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;
    ~Proxy() { unregisterProxy(); }

private:
    void onInterfacesAdded(const sdbus::ObjectPath& path, const Interfaces& interfaces) override
    {
        record([&](ObjectSignals& received) { received.added[path] = interfaces; });
    }

    void onInterfacesRemoved(const sdbus::ObjectPath& path, const std::vector<bus::InterfaceName>&) override
    {
        record([&](ObjectSignals& received) { received.removed.push_back(path); });
    }

    void onPropertiesChanged(const bus::InterfaceName&, const Properties& changed,
                             const std::vector<bus::PropertyName>&) override
    {
        record([&](ObjectSignals& received) { received.changed.push_back(changed); });
    }

    void record(const std::function<void(ObjectSignals&)>& change)
    {
        const std::lock_guard lock(observer_.mutex_);
        change(observer_.received_);
        observer_.changed_.notify_all();
    }

    Observer& observer_;
};

Observer::Observer(const std::string& address, const std::string& path)
    : connection_(connect(address)), proxy_(std::make_unique<Proxy>(*this, *connection_, path))
{
    connection_->enterEventLoopAsync();
}

Observer::~Observer()
{
    connection_->leaveEventLoop();
}

bool Observer::wait(const std::function<bool(const ObjectSignals&)>& condition, std::chrono::milliseconds limit) const
{
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] { return condition(received_); });
}

ObjectSignals Observer::received() const
{
    const std::lock_guard lock(mutex_);
    return received_;
}

org::drvbus1::Manager_proxy& Observer::manager() const
{
    return *proxy_;
}

std::string Observer::introspect() const
{
    return proxy_->Introspect();
}

std::map<std::string, Interfaces> Observer::managed() const
{
    std::map<std::string, Interfaces> objects;
    for (const auto& [path, interfaces] : proxy_->GetManagedObjects())
        objects.emplace(path, interfaces);
    return objects;
}

}  // namespace drvbus::test

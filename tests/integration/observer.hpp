// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bus/sdbus_version.hpp"
#include "drvbus/org.drvbus1-proxy.hpp"
#include "support/wait.hpp"

namespace drvbus::test {

using Properties = std::map<bus::PropertyName, sdbus::Variant>;
using Interfaces = std::map<bus::InterfaceName, Properties>;

/// Signals received from an object: its property changes and, for the manager, the objects added and removed.
struct ObjectSignals {
    std::map<std::string, Interfaces> added;  ///< by path
    std::vector<std::string> removed;         ///< paths
    std::vector<Properties> changed;

    /// Whether a change of `property` was announced.
    [[nodiscard]] bool has_changed(const std::string& property) const
    {
        return std::ranges::any_of(changed, [name = bus::PropertyName(property)](const Properties& properties) {
            return properties.contains(name);
        });
    }

    /// Whether a change of `property` to `value` was announced.
    template <typename T>
    [[nodiscard]] bool changed_to(const std::string& property, const T& value) const
    {
        for (const Properties& properties : changed) {
            const auto found = properties.find(bus::PropertyName(property));
            if (found != properties.end() && found->second.get<T>() == value)
                return true;
        }
        return false;
    }
};

/// Proxy for an object of drvbusd with the standard D-Bus interfaces and the interface Manager. Has its own
/// connection and thread.
class Observer {
public:
    explicit Observer(const std::string& address, const std::string& path = "/org/drvbus1");
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;
    ~Observer();

    /// Waits until `condition` holds for the received signals.
    [[nodiscard]] bool wait(const std::function<bool(const ObjectSignals&)>& condition,
                            std::chrono::milliseconds limit = kLimit) const;
    [[nodiscard]] ObjectSignals received() const;

    [[nodiscard]] org::drvbus1::Manager_proxy& manager() const;
    [[nodiscard]] std::string introspect() const;
    /// The answer of GetManagedObjects, by object path.
    [[nodiscard]] std::map<std::string, Interfaces> managed() const;

private:
    class Proxy;
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    ObjectSignals received_;
    std::unique_ptr<sdbus::IConnection> connection_;
    std::unique_ptr<Proxy> proxy_;
};

}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "base/unique_fd.hpp"
#include "support/process.hpp"

namespace drvbus::test {

/// What systemd is to a service: hears its messages, keeps the files it stores (FDSTORE=1), and passes them to
/// the next process.
class ServiceManager {
public:
    ServiceManager();
    ServiceManager(const ServiceManager&) = delete;
    ServiceManager& operator=(const ServiceManager&) = delete;
    ~ServiceManager();

    /// The next message that is not about files; empty after a while.
    std::string wait();

    /// Names of the files kept.
    [[nodiscard]] std::set<std::string> kept() const;
    /// As if the service had stored it.
    void keep(const std::string& name, UniqueFd fd);

    /// Makes `command` the service: the command line of a shell that passes it what is kept, and becomes it.
    [[nodiscard]] static std::vector<std::string> as_service(const std::vector<std::string>& command);
    /// What the shell needs for that.
    [[nodiscard]] Process::Options options() const;

private:
    void listen();
    void received(const std::string& message, UniqueFd fd);

    TemporaryDirectory directory_;
    std::string address_;
    UniqueFd socket_;
    UniqueFd end_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::string> messages_;
    std::map<std::string, UniqueFd> kept_;
    std::thread thread_;
};

}  // namespace drvbus::test

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

/// A service manager as seen by a service: receives sd_notify(3) messages, stores file descriptors (FDSTORE=1) and
/// passes them to the next process of the service. Has its own thread.
class ServiceManager {
public:
    ServiceManager();
    ServiceManager(const ServiceManager&) = delete;
    ServiceManager& operator=(const ServiceManager&) = delete;
    ~ServiceManager();

    /// Waits for the next message that is not about stored file descriptors. @returns an empty string after kLimit
    std::string wait();

    /// Names of the stored file descriptors.
    [[nodiscard]] std::set<std::string> stored() const;
    /// Stores a file descriptor on behalf of the service.
    void store(const std::string& name, UniqueFd fd);

    /// A shell command line that sets LISTEN_PID to its own pid and executes `command`.
    [[nodiscard]] static std::vector<std::string> as_service(const std::vector<std::string>& command);
    /// Environment and file descriptors for a process started with `as_service`: the stored ones, from fd 3 on.
    [[nodiscard]] Process::Options options() const;

private:
    void listen();
    void handle(const std::string& message, UniqueFd fd);

    TemporaryDirectory directory_;
    std::string address_;
    UniqueFd socket_;
    UniqueFd stop_;  ///< an eventfd that ends the thread
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::string> messages_;
    std::map<std::string, UniqueFd> stored_;
    std::thread thread_;
};

}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>

#include "base/unique_fd.hpp"
#include "support/process.hpp"

namespace drvbus::test {

/// What a service manager listens on for sd_notify(3).
class NotifySocket {
public:
    NotifySocket();

    /// For NOTIFY_SOCKET in the environment.
    [[nodiscard]] std::string address() const { return directory_.path() + "/notify"; }
    /// The next message that is there already; none where there is none.
    [[nodiscard]] std::optional<std::string> receive() const;
    /// Waits for the next message. @returns an empty one after the limit
    [[nodiscard]] std::string wait() const;

private:
    TemporaryDirectory directory_;
    UniqueFd fd_;
};

}  // namespace drvbus::test

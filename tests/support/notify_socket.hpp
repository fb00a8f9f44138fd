// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>

#include "base/unique_fd.hpp"
#include "support/process.hpp"

namespace drvbus::test {

/// The socket on which a service manager receives sd_notify(3) messages.
class NotifySocket {
public:
    NotifySocket();

    /// Value for the environment variable NOTIFY_SOCKET.
    [[nodiscard]] std::string address() const { return directory_.path() + "/notify"; }
    /// The next message, without waiting; std::nullopt if none is queued.
    [[nodiscard]] std::optional<std::string> receive() const;
    /// Waits for the next message. @returns an empty string after kLimit
    [[nodiscard]] std::string wait() const;

private:
    TemporaryDirectory directory_;
    UniqueFd fd_;
};

}  // namespace drvbus::test

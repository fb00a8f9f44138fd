// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace drvbus::bus {

/// Decides which calls the daemon answers, so that a caller that sends more calls than the daemon can answer does not
/// keep the other callers waiting.
///
/// The time that the daemon spends on the calls of a connection is the debt of this connection. Half of the time that
/// passes repays the debts, in equal parts. While many bytes of messages wait, a connection whose debt exceeds its part
/// of the budget is refused, until its debt is repaid. It gets a limited number of errors. Further calls get no reply,
/// and while they arrive and messages wait, the debt is not repaid.
///
/// A caller that waits for each reply before it sends the next call leaves no messages waiting. It is therefore refused
/// only if other callers flood the daemon and it has exceeded its own part as well.
class CallBudget {
public:
    using Clock = std::chrono::steady_clock;

    /// The budget that all connections in debt share.
    static constexpr Clock::duration kBudget = std::chrono::milliseconds(200);
    /// Bytes of messages that may wait before calls are refused: about 20 calls.
    static constexpr std::size_t kMaxWaiting = 4096;
    /// Replies with an error that a refused connection gets. Further calls get no reply.
    static constexpr unsigned kMaxErrors = 100;
    /// Connections whose debt is recorded. Beyond this number, the smallest debt is forgiven.
    static constexpr std::size_t kMaxCallers = 256;

    enum class Verdict : std::uint8_t {
        answer,
        refuse,  ///< reply with an error
        drop,    ///< do not reply
    };

    /// Decides about one call.
    /// @param sender unique name of the connection that sent it
    /// @param waiting bytes of the messages that wait behind the call
    [[nodiscard]] Verdict judge(std::string_view sender, std::size_t waiting, Clock::time_point now);

    /// Adds the time that the daemon has spent on a call, or on the error for it.
    void charge(std::string_view sender, Clock::duration spent);

private:
    struct Caller {
        std::string name;
        Clock::duration debt;
        unsigned refused = 0;  ///< calls since it exceeded its part
    };

    void repay(Clock::time_point now);
    [[nodiscard]] Caller* find(std::string_view sender);

    std::vector<Caller> callers_;  ///< those in debt
    Clock::time_point repaid_;
};

}  // namespace drvbus::bus

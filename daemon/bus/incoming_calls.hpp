// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include <systemd/sd-bus.h>

#include "base/event_loop.hpp"
#include "bus/call_budget.hpp"

namespace drvbus::bus {

/// Limits what the calls of others cost the daemon: the memory for replies that the bus does not accept, and the time
/// that CallBudget counts. A refused call gets the error org.drvbus1.Error.Busy or no reply.
class IncomingCalls {
public:
    /// @param loop must outlive this object
    explicit IncomingCalls(const EventLoop& loop);
    IncomingCalls(const IncomingCalls&) = delete;
    IncomingCalls& operator=(const IncomingCalls&) = delete;
    ~IncomingCalls() = default;

    /// Filters the messages of a connection that is attached to the loop, until `detach` or until it is closed.
    void attach(sd_bus* bus);
    void detach() noexcept;

private:
    static int on_message(sd_bus_message* message, void* self, sd_bus_error* error) noexcept;
    [[nodiscard]] bool passes(sd_bus_message* message);
    [[nodiscard]] CallBudget::Verdict judge(sd_bus_message* call);
    void finish_call();
    void look();
    void run_until_answer();

    sd_bus* bus_ = nullptr;
    CallBudget budget_;
    std::string caller_;                   ///< sender of the call that is being answered; empty: none
    CallBudget::Clock::time_point begin_;  ///< of this call
    DeferredCall after_message_;           ///< runs right after sd-bus has handled a message
    bool answered_ = false;                ///< whether the last message was a call that is answered
    bool is_running_ = false;              ///< whether `run_until_answer` handles messages
    CallBudget::Clock::time_point now_;    ///< of the last `look`
    std::size_t waiting_ = 0;              ///< bytes of messages that waited at the last `look`
};

}  // namespace drvbus::bus

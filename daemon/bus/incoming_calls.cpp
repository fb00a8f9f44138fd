// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/incoming_calls.hpp"

#include <sys/ioctl.h>

#include "base/errno.hpp"

namespace drvbus::bus {

namespace {

constexpr const char* kBusy = "org.drvbus1.Error.Busy";

// Messages that may wait in the output queue before the daemon refuses calls.
constexpr std::uint64_t kMaxQueued = 32;

// How long messages that need no reply are handled without a break. The events of a channel wait no longer than this.
constexpr CallBudget::Clock::duration kMaxRun = std::chrono::milliseconds(1);

// What a reply costs the caller if the bus does not accept it at once, because the events behind it have to wait.
// Smaller than CallBudget::kBudget / kMaxQueued, one caller could fill the queue, and the other callers would be
// refused.
constexpr CallBudget::Clock::duration kQueuedCost = CallBudget::kBudget / 8;

std::size_t unread_bytes(sd_bus* bus)
{
    int bytes = 0;
    return ioctl(sd_bus_get_fd(bus), FIONREAD, &bytes) < 0 ? 0 : static_cast<std::size_t>(bytes);
}

std::uint64_t queued_messages(sd_bus* bus)
{
    std::uint64_t messages = 0;
    return sd_bus_get_n_queued_write(bus, &messages) < 0 ? 0 : messages;
}

}  // namespace

IncomingCalls::IncomingCalls(const EventLoop& loop)
    : after_message_(loop.deferred(EventLoop::Priority::next, [this] { run_until_answer(); }))
{
}

void IncomingCalls::attach(sd_bus* bus)
{
    check(sd_bus_add_filter(bus, nullptr, on_message, this), "sd_bus_add_filter");
    bus_ = bus;
}

void IncomingCalls::detach() noexcept
{
    bus_ = nullptr;
    caller_.clear();
}

int IncomingCalls::on_message(sd_bus_message* message, void* self, sd_bus_error* /*error*/) noexcept
{
    auto* const calls = static_cast<IncomingCalls*>(self);
    if (!calls->is_running_) {
        calls->look();
        calls->after_message_.request();
    }
    return calls->passes(message) ? 0 : 1;
}

bool IncomingCalls::passes(sd_bus_message* message)
{
    answered_ = false;
    if (sd_bus_message_is_method_call(message, nullptr, nullptr) <= 0)
        return true;
    switch (judge(message)) {
    case CallBudget::Verdict::answer:
        answered_ = true;
        return true;
    case CallBudget::Verdict::refuse:
        (void)sd_bus_reply_method_errorf(message, kBusy, "too many calls or replies are waiting; call again later");
        return false;
    default:
        return false;
    }
}

CallBudget::Verdict IncomingCalls::judge(sd_bus_message* call)
{
    const std::uint64_t queued = queued_messages(bus_);
    if (queued > 8 * kMaxQueued)
        return CallBudget::Verdict::drop;
    if (queued > kMaxQueued)
        return CallBudget::Verdict::refuse;
    const char* const sender = sd_bus_message_get_sender(call);
    if (sender == nullptr)
        return CallBudget::Verdict::answer;
    const CallBudget::Verdict verdict = budget_.judge(sender, waiting_, now_);
    // Errors for one caller must not fill the queue, because the other callers would then be refused as well.
    if (verdict == CallBudget::Verdict::refuse && queued > kMaxQueued / 2)
        return CallBudget::Verdict::drop;
    if (verdict != CallBudget::Verdict::drop) {
        caller_ = sender;
        begin_ = CallBudget::Clock::now();
    }
    return verdict;
}

void IncomingCalls::finish_call()
{
    if (caller_.empty())
        return;
    const auto spent = CallBudget::Clock::now() - begin_;
    budget_.charge(caller_, bus_ != nullptr && queued_messages(bus_) > 0 ? spent + kQueuedCost : spent);
    caller_.clear();
}

void IncomingCalls::look()
{
    now_ = CallBudget::Clock::now();
    waiting_ = unread_bytes(bus_);
}

/// The event loop handles one message, then other sources. A flood of calls that get no reply must not make the calls
/// behind it wait that long.
void IncomingCalls::run_until_answer()
{
    constexpr unsigned kMessagesPerLook = 16;  // looking costs as much as half a message
    finish_call();
    if (bus_ == nullptr)
        return;
    is_running_ = true;
    look();
    const auto end = now_ + kMaxRun;
    for (unsigned messages = 1; !answered_ && now_ < end && sd_bus_process(bus_, nullptr) > 0; ++messages) {
        finish_call();
        if (messages % kMessagesPerLook == 0)
            look();
    }
    is_running_ = false;
}

}  // namespace drvbus::bus

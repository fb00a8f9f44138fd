// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/call_budget.hpp"

#include <algorithm>
#include <utility>

namespace drvbus::bus {

CallBudget::Verdict CallBudget::judge(std::string_view sender, std::size_t waiting, Clock::time_point now)
{
    repay(now);
    Caller* const caller = find(sender);
    if (caller == nullptr)
        return Verdict::answer;
    const auto part = kBudget / static_cast<std::int64_t>(callers_.size());
    if (caller->refused == 0 && (waiting <= kMaxWaiting || caller->debt < part))
        return Verdict::answer;
    if (caller->refused < kMaxErrors) {
        ++caller->refused;
        return Verdict::refuse;
    }
    // Nothing is repaid while the flood lasts.
    if (waiting > kMaxWaiting)
        caller->debt = std::max(caller->debt, kBudget);
    return Verdict::drop;
}

void CallBudget::charge(std::string_view sender, Clock::duration spent)
{
    Caller* caller = find(sender);
    if (caller == nullptr && callers_.size() < kMaxCallers) {
        callers_.push_back({std::string(sender), Clock::duration::zero()});
        caller = &callers_.back();
    } else if (caller == nullptr) {
        caller = &*std::ranges::min_element(callers_, {}, &Caller::debt);
        *caller = {std::string(sender), Clock::duration::zero()};
    }
    // Limited, so that a caller which was never refused does not have to repay hours when another one floods.
    caller->debt = std::min(caller->debt + spent, 2 * kBudget);
}

void CallBudget::repay(Clock::time_point now)
{
    const Clock::duration passed = now - std::exchange(repaid_, now);
    if (callers_.empty())
        return;
    const Clock::duration part = passed / 2 / static_cast<std::int64_t>(callers_.size());
    for (Caller& caller : callers_)
        caller.debt -= part;
    std::erase_if(callers_, [](const Caller& caller) { return caller.debt <= Clock::duration::zero(); });
}

CallBudget::Caller* CallBudget::find(std::string_view sender)
{
    const auto found = std::ranges::find(callers_, sender, &Caller::name);
    return found == callers_.end() ? nullptr : &*found;
}

}  // namespace drvbus::bus

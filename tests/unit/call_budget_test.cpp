// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/call_budget.hpp"

#include <string>

#include <gtest/gtest.h>

namespace drvbus::test {
namespace {

using bus::CallBudget;
using std::chrono::milliseconds;
using Verdict = CallBudget::Verdict;

class CallBudgetTest : public testing::Test {
protected:
    static constexpr std::size_t kMany = CallBudget::kMaxWaiting + 1;

    /// A call of `sender` that is answered in `spent`. @returns the decision
    Verdict call(const std::string& sender, milliseconds spent, std::size_t waiting = kMany)
    {
        const Verdict verdict = budget_.judge(sender, waiting, now_);
        if (verdict == Verdict::answer)
            budget_.charge(sender, spent);
        return verdict;
    }

    /// Makes `sender` exceed the budget, and uses up its errors.
    void flood(const std::string& sender)
    {
        while (call(sender, milliseconds(10)) != Verdict::drop) {
        }
    }

    CallBudget budget_;
    CallBudget::Clock::time_point now_{std::chrono::hours(1)};
};

TEST_F(CallBudgetTest, CallerBeyondTheBudgetGetsErrorsAndThenNothing)
{
    for (int i = 0; i < 20; ++i)
        ASSERT_EQ(call(":1.1", milliseconds(10)), Verdict::answer) << i;
    for (unsigned i = 0; i < CallBudget::kMaxErrors; ++i)
        ASSERT_EQ(call(":1.1", {}), Verdict::refuse) << i;
    EXPECT_EQ(call(":1.1", {}), Verdict::drop);
    EXPECT_EQ(call(":1.2", milliseconds(10)), Verdict::answer) << "another caller";
}

TEST_F(CallBudgetTest, CallerIsNotRefusedWhileFewMessagesWait)
{
    for (int i = 0; i < 1000; ++i)
        ASSERT_EQ(call(":1.1", milliseconds(10), CallBudget::kMaxWaiting), Verdict::answer) << i;
}

TEST_F(CallBudgetTest, DebtIsRepaidInTwiceTheTimeThatWasSpent)
{
    call(":1.1", milliseconds(200));
    ASSERT_EQ(call(":1.1", {}), Verdict::refuse);
    now_ += milliseconds(399);
    EXPECT_EQ(call(":1.1", {}), Verdict::refuse);
    now_ += milliseconds(1);
    EXPECT_EQ(call(":1.1", {}), Verdict::answer);
}

TEST_F(CallBudgetTest, DebtIsLimited)
{
    call(":1.1", milliseconds(60'000));
    ASSERT_EQ(call(":1.1", {}), Verdict::refuse);
    now_ += milliseconds(800);
    EXPECT_EQ(call(":1.1", {}), Verdict::answer);
}

TEST_F(CallBudgetTest, NothingIsRepaidWhileCallsAreDropped)
{
    flood(":1.1");
    for (int i = 0; i < 100; ++i) {
        now_ += milliseconds(100);
        ASSERT_EQ(call(":1.1", {}), Verdict::drop) << i;
    }
    for (int i = 0; i < 4; ++i) {
        now_ += milliseconds(100);
        EXPECT_NE(call(":1.1", {}, 0), i < 3 ? Verdict::answer : Verdict::drop)
            << "a call that nothing waits behind " << i;
    }
}

TEST_F(CallBudgetTest, CallersShareTheBudget)
{
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(call(":1." + std::to_string(i), milliseconds(3)), Verdict::answer) << "the first call is answered";
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(call(":1." + std::to_string(i), {}), Verdict::refuse) << "each has 2 ms";
    now_ += milliseconds(599);
    EXPECT_EQ(call(":1.0", {}), Verdict::refuse) << "half of the time repays the debts of all";
    now_ += milliseconds(1);
    EXPECT_EQ(call(":1.0", {}), Verdict::answer);
}

TEST_F(CallBudgetTest, SmallestDebtIsForgivenWhenThereAreTooManyCallers)
{
    for (std::size_t i = 0; i < CallBudget::kMaxCallers; ++i)
        call(":1." + std::to_string(i), milliseconds(i == 7 ? 2 : 3));
    call(":1.1000", milliseconds(3));
    EXPECT_EQ(call(":1.8", {}), Verdict::refuse);
    EXPECT_EQ(call(":1.1000", {}), Verdict::refuse);
    EXPECT_EQ(call(":1.7", {}), Verdict::answer);
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "channel/flood_guard.hpp"

#include <gtest/gtest.h>

namespace drvbus::test {
namespace {

using std::chrono::milliseconds;

TEST(FloodGuard, DeviceThatIsNeverDrainedFloods)
{
    channel::FloodGuard guard;
    guard.count_events(60, 100);
    EXPECT_THROW(guard.count_events(40, 100), channel::FloodError);
    EXPECT_THROW(guard.count_events(1, 100), channel::FloodError) << "the device was not drained since";
}

TEST(FloodGuard, DrainedReadResetsTheCount)
{
    channel::FloodGuard guard;
    for (int i = 0; i < 10; ++i) {
        guard.count_events(99, 100);
        EXPECT_FALSE(guard.on_drained(false));
    }
    EXPECT_THROW(guard.count_events(100, 100), channel::FloodError);
    EXPECT_FALSE(guard.on_drained(false));
    guard.count_events(99, 100);
}

TEST(FloodGuard, LimitZeroAllowsAnyNumber)
{
    channel::FloodGuard guard;
    guard.count_events(UINT64_MAX / 2, 0);
    guard.count_events(UINT64_MAX / 2, 0);
}

TEST(FloodGuard, PauseDoublesUntilTheDeviceIsDrained)
{
    channel::FloodGuard guard;
    EXPECT_EQ(guard.next_pause(), milliseconds(1000));
    EXPECT_EQ(guard.next_pause(), milliseconds(2000));
    for (int i = 0; i < 10; ++i)
        (void)guard.next_pause();
    EXPECT_EQ(guard.next_pause(), milliseconds(30000));
    (void)guard.on_drained(false);
    EXPECT_EQ(guard.next_pause(), milliseconds(1000));
}

TEST(FloodGuard, SpuriousReadinessIsAnErrorAfterThreeReads)
{
    channel::FloodGuard guard;
    for (int i = 0; i < 5; ++i) {
        EXPECT_TRUE(guard.on_drained(true)) << "the input may have just arrived";
        EXPECT_TRUE(guard.on_drained(true));
        guard.count_events(1, 100);
    }
    for (int i = 0; i < 5; ++i) {
        guard.input_received();
        EXPECT_TRUE(guard.on_drained(true)) << "a part of an event was received";
    }
    EXPECT_TRUE(guard.on_drained(true));
    EXPECT_FALSE(guard.on_drained(false));
    EXPECT_TRUE(guard.on_drained(true));
    EXPECT_TRUE(guard.on_drained(true));
    EXPECT_THROW((void)guard.on_drained(true), std::runtime_error);
}

}  // namespace
}  // namespace drvbus::test

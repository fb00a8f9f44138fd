// SPDX-License-Identifier: LGPL-2.1-or-later
#include "channel/flood_guard.hpp"

#include <gtest/gtest.h>

namespace drvbus::test {
namespace {

using std::chrono::milliseconds;

TEST(FloodGuard, DeviceThatIsNeverDrainedFloods)
{
    channel::FloodGuard guard;
    guard.count_published(60, 100);
    EXPECT_THROW(guard.count_published(40, 100), channel::FloodError);
    EXPECT_THROW(guard.count_published(1, 100), channel::FloodError) << "the device was not drained since";
}

TEST(FloodGuard, DrainedReadResetsTheCount)
{
    channel::FloodGuard guard;
    for (int i = 0; i < 10; ++i) {
        guard.count_published(99, 100);
        EXPECT_FALSE(guard.needs_another_read(false));
    }
    EXPECT_THROW(guard.count_published(100, 100), channel::FloodError);
    EXPECT_FALSE(guard.needs_another_read(false));
    guard.count_published(99, 100);
}

TEST(FloodGuard, LimitZeroAllowsAnyNumber)
{
    channel::FloodGuard guard;
    guard.count_published(UINT64_MAX / 2, 0);
    guard.count_published(UINT64_MAX / 2, 0);
}

TEST(FloodGuard, PauseDoublesUntilTheDeviceIsDrained)
{
    channel::FloodGuard guard;
    EXPECT_EQ(guard.next_pause(), milliseconds(1000));
    EXPECT_EQ(guard.next_pause(), milliseconds(2000));
    for (int i = 0; i < 10; ++i)
        (void)guard.next_pause();
    EXPECT_EQ(guard.next_pause(), milliseconds(30000));
    (void)guard.needs_another_read(false);
    EXPECT_EQ(guard.next_pause(), milliseconds(1000));
}

TEST(FloodGuard, SpuriousReadinessIsAnErrorAfterThreeReads)
{
    channel::FloodGuard guard;
    for (int i = 0; i < 5; ++i) {
        EXPECT_TRUE(guard.needs_another_read(true)) << "the input may have just arrived";
        EXPECT_TRUE(guard.needs_another_read(true));
        guard.count_published(1, 100);
    }
    for (int i = 0; i < 5; ++i) {
        guard.input_received();
        EXPECT_TRUE(guard.needs_another_read(true)) << "a part of an event was received";
    }
    EXPECT_TRUE(guard.needs_another_read(true));
    EXPECT_FALSE(guard.needs_another_read(false));
    EXPECT_TRUE(guard.needs_another_read(true));
    EXPECT_TRUE(guard.needs_another_read(true));
    EXPECT_THROW((void)guard.needs_another_read(true), std::runtime_error);
}

}  // namespace
}  // namespace drvbus::test

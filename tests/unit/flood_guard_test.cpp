// SPDX-License-Identifier: LGPL-2.1-or-later
#include "channel/flood_guard.hpp"

#include <gtest/gtest.h>

namespace drvbus::test {
namespace {

using std::chrono::milliseconds;

TEST(Calm, ADeviceThatNeverHasABreakFloods)
{
    Calm calm;
    calm.published(60, 100);
    EXPECT_FALSE(calm.flooded());
    EXPECT_THROW(calm.published(40, 100), Flood);
    EXPECT_TRUE(calm.flooded());
    EXPECT_THROW(calm.published(1, 100), Flood) << "it has had no break since";
}

TEST(Calm, ABreakIsAnyLookThatFindsNothing)
{
    Calm calm;
    for (int i = 0; i < 10; ++i) {
        calm.published(99, 100);
        EXPECT_FALSE(calm.empty(false));
    }
    EXPECT_THROW(calm.published(100, 100), Flood);
    EXPECT_FALSE(calm.empty(false));
    EXPECT_FALSE(calm.flooded());
    calm.published(99, 100);
}

TEST(Calm, WhoMayFloodDoes)
{
    Calm calm;
    calm.published(UINT64_MAX / 2, 0);
    calm.published(UINT64_MAX / 2, 0);
    EXPECT_FALSE(calm.flooded());
}

TEST(Calm, PausesGrowUntilThereIsABreak)
{
    Calm calm;
    EXPECT_EQ(calm.pause(), milliseconds(1000));
    EXPECT_EQ(calm.pause(), milliseconds(2000));
    for (int i = 0; i < 10; ++i)
        (void)calm.pause();
    EXPECT_EQ(calm.pause(), milliseconds(30000));
    (void)calm.empty(false);
    EXPECT_EQ(calm.pause(), milliseconds(1000));
}

TEST(Calm, WhatSaysThatItCanBeReadIsLookedAtAgainButNotForEver)
{
    Calm calm;
    for (int i = 0; i < 5; ++i) {
        EXPECT_TRUE(calm.empty(true)) << "it may have come just now";
        EXPECT_TRUE(calm.empty(true));
        calm.published(1, 100);
    }
    for (int i = 0; i < 5; ++i) {
        calm.came();
        EXPECT_TRUE(calm.empty(true)) << "a part of an event came";
    }
    EXPECT_TRUE(calm.empty(true));
    EXPECT_FALSE(calm.empty(false));
    EXPECT_TRUE(calm.empty(true));
    EXPECT_TRUE(calm.empty(true));
    EXPECT_THROW((void)calm.empty(true), std::runtime_error);
}

}  // namespace
}  // namespace drvbus::test

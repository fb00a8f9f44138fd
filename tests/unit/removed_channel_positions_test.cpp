// SPDX-License-Identifier: LGPL-2.1-or-later
#include "checkpoint/removed_channel_positions.hpp"

#include <string>

#include <gtest/gtest.h>

namespace drvbus::test {
namespace {

using checkpoint::InstancePosition;
using checkpoint::RemovedChannelPositions;

TEST(RemovedChannelPositions, PositionIsReturnedOnceByName)
{
    RemovedChannelPositions positions;
    positions.put("a", {7, 3});
    positions.put("b", {8, 4});
    EXPECT_EQ(positions.take("b"), (InstancePosition{8, 4}));
    EXPECT_EQ(positions.take("a"), (InstancePosition{7, 3}));
    EXPECT_EQ(positions.take("a"), (InstancePosition{})) << "it was returned twice";
    EXPECT_EQ(positions.take("c"), (InstancePosition{}));
}

TEST(RemovedChannelPositions, LaterPositionReplacesTheEarlierOne)
{
    RemovedChannelPositions positions;
    positions.put("a", {7, 3});
    positions.put("a", {8, 4});
    EXPECT_EQ(positions.take("a"), (InstancePosition{8, 4}));
    positions.put("a", {9, 5});
    positions.put("a", {});  // its position is unknown
    EXPECT_EQ(positions.take("a"), (InstancePosition{}));
}

TEST(RemovedChannelPositions, OldestIsDroppedAtTheLimit)
{
    RemovedChannelPositions positions;
    for (std::size_t i = 0; i <= RemovedChannelPositions::kCapacity; ++i)
        positions.put(std::to_string(1000 - i), {i + 1, 2});
    EXPECT_EQ(positions.take("1000"), (InstancePosition{}));
    EXPECT_EQ(positions.take("999"), (InstancePosition{2, 2}));
    EXPECT_EQ(positions.take(std::to_string(1000 - RemovedChannelPositions::kCapacity)),
              (InstancePosition{RemovedChannelPositions::kCapacity + 1, 2}));
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "checkpoint/removed_channel_positions.hpp"

#include <string>

#include <gtest/gtest.h>

namespace drvbus::test {
namespace {

using device::Ending;

TEST(Endings, AreTakenByTheirNames)
{
    Endings endings;
    endings.put("a", {7, 3});
    endings.put("b", {8, 4});
    EXPECT_EQ(endings.take("b"), (InstancePosition{8, 4}));
    EXPECT_EQ(endings.take("a"), (InstancePosition{7, 3}));
    EXPECT_EQ(endings.take("a"), (InstancePosition{})) << "it is taken once";
    EXPECT_EQ(endings.take("c"), (InstancePosition{}));
}

TEST(Endings, TheLastOfANameCounts)
{
    Endings endings;
    endings.put("a", {7, 3});
    endings.put("a", {8, 4});
    EXPECT_EQ(endings.take("a"), (InstancePosition{8, 4}));
    endings.put("a", {9, 5});
    endings.put("a", {});  // came, and nobody knows how far
    EXPECT_EQ(endings.take("a"), (InstancePosition{}));
}

TEST(Endings, TheFirstIsForgottenWhereThereAreTooMany)
{
    Endings endings;
    for (std::size_t i = 0; i <= Endings::kMost; ++i)
        endings.put(std::to_string(1000 - i), {i + 1, 2});
    EXPECT_EQ(endings.take("1000"), (InstancePosition{}));
    EXPECT_EQ(endings.take("999"), (InstancePosition{2, 2}));
    EXPECT_EQ(endings.take(std::to_string(1000 - Endings::kMost)), (InstancePosition{Endings::kMost + 1, 2}));
}

}  // namespace
}  // namespace drvbus::test

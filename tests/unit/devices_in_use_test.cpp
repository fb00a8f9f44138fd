// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device/devices_in_use.hpp"

#include <fstream>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/io.hpp"
#include "support/process.hpp"

namespace drvbus::test {
namespace {

using device::DevicesInUse;

class DevicesInUseTest : public testing::Test {
protected:
    [[nodiscard]] std::string path(const std::string& name) const { return directory_.path() + "/" + name; }

    DevicesInUse::Taken take(const std::string& file, const std::string& channel, bool shared = false)
    {
        struct stat status {};
        must(stat(file.c_str(), &status), "stat");
        return in_use_.take(status, channel, shared);
    }

    int released_ = 0;
    DevicesInUse in_use_{[this] { ++released_; }};
    TemporaryDirectory directory_;
    Fifo one_{path("one")};
    Fifo two_{path("two")};
};

TEST_F(DevicesInUseTest, DeviceBelongsToOneChannelWhateverItsPath)
{
    must(symlink(one_.path().c_str(), path("link").c_str()), "symlink");
    DevicesInUse::Taken first = take(one_.path(), "a");
    EXPECT_TRUE(first.use);
    EXPECT_EQ(take(path("link"), "b").user, "a");
    EXPECT_TRUE(take(two_.path(), "b").use);
    first.use.reset();
    EXPECT_TRUE(take(path("link"), "b").use);
    const DevicesInUse::Taken null = take("/dev/null", "a");
    EXPECT_EQ(take("/dev/null", "b").user, "a");
    EXPECT_TRUE(take("/dev/zero", "b").use);
}

TEST_F(DevicesInUseTest, ReleaseIsReportedOnce)
{
    DevicesInUse::Taken taken = take(one_.path(), "a");
    DevicesInUse::Use moved = std::move(taken.use);
    taken.use.reset();
    EXPECT_EQ(take(one_.path(), "b").user, "a") << "the moved use ended";
    EXPECT_EQ(released_, 0);
    moved.reset();
    moved.reset();
    EXPECT_EQ(released_, 1);
}

TEST_F(DevicesInUseTest, DeviceIsSharedIfAllChannelsAgree)
{
    const DevicesInUse::Taken first = take(one_.path(), "a", true);
    const DevicesInUse::Taken second = take(one_.path(), "b", true);
    EXPECT_TRUE(second.use);
    EXPECT_EQ(take(one_.path(), "c").user, "a");
    const DevicesInUse::Taken own = take(two_.path(), "a");
    EXPECT_EQ(take(two_.path(), "b", true).user, "a");
}

TEST_F(DevicesInUseTest, FileIsNeverInUse)
{
    std::ofstream(path("file")) << "text";
    const DevicesInUse::Taken first = take(path("file"), "a");
    EXPECT_EQ(take(path("file"), "b").user, "");
}

TEST_F(DevicesInUseTest, FirstFreeNodeIsTaken)
{
    const DevicesInUse::FreeNode first = in_use_.take_first({one_.path(), two_.path()}, "a", false);
    EXPECT_EQ(first.node, one_.path());
    EXPECT_EQ(first.used, "");
    const DevicesInUse::FreeNode second = in_use_.take_first({one_.path(), two_.path()}, "b", false);
    EXPECT_EQ(second.node, two_.path());
    const DevicesInUse::FreeNode third = in_use_.take_first({one_.path(), two_.path()}, "c", false);
    EXPECT_EQ(third.node, "");
    EXPECT_EQ(third.used, one_.path() + " is used by channel \"a\", " + two_.path() + " is used by channel \"b\"");
    EXPECT_EQ(in_use_.take_first({path("none")}, "c", false).node, path("none"));
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Loading and unloading of the modules.
#include <cerrno>
#include <cstdint>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "kmod_node.hpp"
#include "sim.hpp"
#include "support/process.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

using testing::HasSubstr;

class KmodModule : public testing::Test {};

bool loaded(const std::string& module)
{
    return access(("/sys/module/" + module).c_str(), F_OK) == 0;
}

/// The error of delete_module(2). rmmod checks the use count itself and reports EBUSY.
constexpr int kBusy = EWOULDBLOCK;

TEST_F(KmodModule, UnloadFailsWhileAChannelExists)
{
    SimChannel channel("module");
    EXPECT_EQ(unload("drvbus_sim"), kBusy);
    EXPECT_EQ(unload("drvbus"), kBusy);
    EXPECT_THAT(run({"rmmod", "drvbus_sim"}).output, HasSubstr("in use"));
    EXPECT_NE(run({"rmmod", "drvbus_sim"}).status, 0);
    ASSERT_EQ(channel.live(false), 0);
    EXPECT_EQ(unload("drvbus_sim"), kBusy) << "the directory still exists";

    ASSERT_EQ(channel.live(true), 0);
    ASSERT_EQ(channel.burst(1), 0);
    EXPECT_EQ(sequences(Node(channel).read()), sequences(1, 1)) << "the channel still works";
}

TEST_F(KmodModule, UnloadOfDrvbusFailsWhileAClientIsOpen)
{
    SimChannel channel("module");
    Node node(channel);
    const UniqueFd eventfd = make_eventfd();
    ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
    ASSERT_EQ(channel.burst(2), 0);
    ASSERT_EQ(channel.remove(), 0);
    EXPECT_EQ(unload("drvbus_sim"), 0) << "a client does not need the driver";
    EXPECT_EQ(unload("drvbus"), kBusy);
    EXPECT_EQ(run({"rmmod", "drvbus"}).status, 1);

    EXPECT_EQ(sequences(node.read()), sequences(1, 2));
    EXPECT_EQ(node.read_error(), -1) << "end of file";
    node.close();
    EXPECT_EQ(unload("drvbus"), 0);
    EXPECT_FALSE(loaded("drvbus"));
    EXPECT_EQ(read_counter(eventfd.get()), 3U) << "two events and the removal";
}

TEST_F(KmodModule, ModulesCanBeReloaded)
{
    for (int i = 0; i < 3; ++i) {
        {
            const SimChannel channel("module");
            const Node node(channel);
            const UniqueFd eventfd = make_eventfd();
            ASSERT_EQ(node.set_eventfd(eventfd.get()), 0);
            ASSERT_EQ(channel.burst(100), 0);
            ASSERT_EQ(read_counter(eventfd.get()), 100U);
        }
        ASSERT_EQ(unload("drvbus_sim"), 0);
        ASSERT_EQ(unload("drvbus"), 0);
        ASSERT_NE(access("/sys/class/drvbus", F_OK), 0);
        ASSERT_NE(access("/sys/kernel/config/drvbus_sim", F_OK), 0);
    }
}

TEST_F(KmodModule, ReloadChangesTheInstanceOfAChannel)
{
    std::set<std::uint64_t> instances;
    for (int i = 0; i < 3; ++i) {
        {
            const SimChannel channel("module");
            instances.insert(Node(channel).info().instance);
        }
        ASSERT_EQ(unload("drvbus_sim"), 0);
        ASSERT_EQ(unload("drvbus"), 0);
    }
    EXPECT_EQ(instances.size(), 3U);
}

TEST_F(KmodModule, RemovalStopsARunningGenerator)
{
    {
        const SimChannel channel("module");
        const Node node(channel);
        ASSERT_EQ(channel.set("rate", "1000"), 0);
        ASSERT_TRUE(wait_until([&] { return channel.sysfs("events") > 0; }));
    }
    EXPECT_EQ(unload("drvbus_sim"), 0);
    EXPECT_EQ(unload("drvbus"), 0);
}

}  // namespace
}  // namespace drvbus::test

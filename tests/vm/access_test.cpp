// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Access control: the policy of the bus and the permissions of the device nodes.
#include <csignal>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sysexits.h>

#include "service.hpp"
#include "sim.hpp"
#include "support/process.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Access : public testing::Test {
protected:
    static void SetUpTestSuite()
    {
        shell("useradd --no-create-home member --groups drvbus; useradd --no-create-home outsider");
    }
    static void TearDownTestSuite() { shell("userdel member; userdel outsider"); }

    Access() : channel_("secret")
    {
        if (!wait_for_channel("secret"))
            throw std::runtime_error("the channel is not on the bus");
    }

    static Result as(const std::string& user, const std::string& command)
    {
        return run({"runuser", "-u", user, "--", "sh", "-c", command});
    }

    SimChannel channel_;
};

TEST_F(Access, ObjectTreeAndPropertiesAreReadableByAnyUser)
{
    for (const char* const user : {"outsider", "member"}) {
        EXPECT_THAT(as(user, "busctl --list tree org.drvbus1").output, HasSubstr("/org/drvbus1/channel/secret"))
            << user;
        EXPECT_THAT(as(user, "busctl introspect org.drvbus1 /org/drvbus1/channel/secret").output,
                    HasSubstr("\"online\""))
            << user;
        EXPECT_EQ(
            as(user, "busctl get-property org.drvbus1 /org/drvbus1/channel/secret org.drvbus1.Channel Name").output,
            "s \"secret\"\n")
            << user;
        EXPECT_THAT(
            as(user, "busctl call org.drvbus1 /org/drvbus1 org.freedesktop.DBus.ObjectManager GetManagedObjects")
                .output,
            HasSubstr("/org/drvbus1/channel/secret"))
            << user;
    }
}

TEST_F(Access, EventReachesOnlyGroupMembersAndRoot)
{
    const Monitor outsider("outsider");
    const Monitor member("member");
    const Monitor root("root");

    ASSERT_EQ(channel_.emit(7, "aa"), 0);
    EXPECT_TRUE(member.shows("Channel.Event ('7', uint64 1")) << member.output();
    EXPECT_TRUE(root.shows("Channel.Event ('7', uint64 1")) << root.output();

    // The bus keeps the order of one sender's messages: once a later signal has arrived, the event cannot arrive.
    const SimChannel later("later");
    ASSERT_TRUE(outsider.shows("InterfacesAdded (objectpath '/org/drvbus1/channel/later'")) << outsider.output();
    EXPECT_THAT(outsider.output(), Not(HasSubstr("Channel.Event")));
}

TEST_F(Access, LostHasTheSameAccessAsEvent)
{
    const Monitor member("member");
    const Monitor outsider("outsider");

    {
        const StoppedDaemon stopped;
        ASSERT_EQ(channel_.burst(2000), 0);  // the ring holds 1,024
    }
    EXPECT_TRUE(member.shows("Channel.Lost (uint64 1, uint64 976)")) << member.output();
    const SimChannel later("later");
    ASSERT_TRUE(outsider.shows("/org/drvbus1/channel/later")) << outsider.output();
    EXPECT_THAT(outsider.output(), Not(HasSubstr("Channel.Lost")));
}

TEST_F(Access, ReloadIsForRootOnly)
{
    const std::string reload = "busctl call org.drvbus1 /org/drvbus1 org.drvbus1.Manager Reload";
    for (const char* const user : {"outsider", "member"}) {
        const Result result = as(user, reload);
        EXPECT_NE(result.status, 0) << user;
        EXPECT_THAT(result.output, HasSubstr("denied")) << user;
    }
    EXPECT_EQ(shell(reload).status, 0);
}

TEST_F(Access, BusNameIsForTheServiceUserOnly)
{
    run({"systemctl", "stop", "drvbusd"});
    for (const char* const user : {"outsider", "member", "root"}) {
        const Result result = as(user, "/usr/libexec/drvbusd");
        EXPECT_EQ(result.status, EX_NOPERM) << user;
        EXPECT_THAT(result.output, HasSubstr("run drvbusd as the user drvbus")) << user;
    }
    EXPECT_EQ(run({"systemctl", "start", "drvbusd"}).status, 0);
}

TEST_F(Access, NodeIsReadableByGroupMembersOnly)
{
    EXPECT_EQ(shell("stat -c '%U %G %a' /dev/drvbus/secret").output, "root drvbus 640\n");
    EXPECT_NE(as("outsider", "head -c 0 /dev/drvbus/secret").status, 0);
    EXPECT_EQ(as("member", "head -c 0 /dev/drvbus/secret").status, 0);
    EXPECT_NE(as("member", "true >> /dev/drvbus/secret").status, 0);
}

}  // namespace
}  // namespace drvbus::test

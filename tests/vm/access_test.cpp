// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Who sees what: the bus policy and the rights of the nodes.
#include <csignal>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
        shell("useradd --no-create-home insider --groups drvbus; useradd --no-create-home outsider");
    }
    static void TearDownTestSuite() { shell("userdel insider; userdel outsider"); }

    Access() : channel_("secret")
    {
        if (!wait_for_channel("secret"))
            throw std::runtime_error("the channel does not appear");
    }

    static Result as(const std::string& user, const std::string& command)
    {
        return run({"runuser", "-u", user, "--", "sh", "-c", command});
    }

    SimChannel channel_;
};

TEST_F(Access, AnyoneSeesTheTreeAndTheProperties)
{
    for (const char* const user : {"outsider", "insider"}) {
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

TEST_F(Access, EventsReachTheGroupAndRootAndNobodyElse)
{
    const Monitor outsider("outsider");
    const Monitor insider("insider");
    const Monitor root("root");

    ASSERT_EQ(channel_.emit(7, "aa"), 0);
    EXPECT_TRUE(insider.shows("Channel.Event ('7', uint64 1")) << insider.output();
    EXPECT_TRUE(root.shows("Channel.Event ('7', uint64 1")) << root.output();

    // The bus keeps a sender's messages in order: what comes after the event shows that the event did not come.
    const SimChannel after("after");
    ASSERT_TRUE(outsider.shows("InterfacesAdded (objectpath '/org/drvbus1/channel/after'")) << outsider.output();
    EXPECT_THAT(outsider.output(), Not(HasSubstr("Channel.Event")));
}

TEST_F(Access, LostIsForTheSameEyesAsEvents)
{
    const Monitor insider("insider");
    const Monitor outsider("outsider");

    const pid_t daemon = daemon_pid();
    kill(daemon, SIGSTOP);
    ASSERT_EQ(channel_.burst(2000), 0);  // into a ring of 1,024
    kill(daemon, SIGCONT);

    EXPECT_TRUE(insider.shows("Channel.Lost (uint64 1, uint64 976)")) << insider.output();
    const SimChannel after("after");
    ASSERT_TRUE(outsider.shows("/org/drvbus1/channel/after")) << outsider.output();
    EXPECT_THAT(outsider.output(), Not(HasSubstr("Channel.Lost")));
}

TEST_F(Access, OnlyRootReloads)
{
    const std::string reload = "busctl call org.drvbus1 /org/drvbus1 org.drvbus1.Manager Reload";
    for (const char* const user : {"outsider", "insider"}) {
        const Result result = as(user, reload);
        EXPECT_NE(result.status, 0) << user;
        EXPECT_THAT(result.output, HasSubstr("denied")) << user;
    }
    EXPECT_EQ(shell(reload).status, 0);
}

TEST_F(Access, OnlyTheServicesUserOwnsTheName)
{
    run({"systemctl", "stop", "drvbusd"});
    for (const char* const user : {"outsider", "insider", "root"}) {
        const Result result = as(user, "/usr/libexec/drvbusd");
        EXPECT_EQ(result.status, 1) << user;
        EXPECT_THAT(result.output, HasSubstr("run drvbusd as the user drvbus")) << user;
    }
    EXPECT_EQ(run({"systemctl", "start", "drvbusd"}).status, 0);
}

TEST_F(Access, TheNodeIsReadByTheGroupAndNobodyElse)
{
    EXPECT_EQ(shell("stat -c '%U %G %a' /dev/drvbus/secret").output, "root drvbus 640\n");
    EXPECT_NE(as("outsider", "head -c 0 /dev/drvbus/secret").status, 0);
    EXPECT_EQ(as("insider", "head -c 0 /dev/drvbus/secret").status, 0);
    EXPECT_NE(as("insider", "true >> /dev/drvbus/secret").status, 0);
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// drvbusd reports on stderr why it does not start and what to do.
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "fifo_test.hpp"

namespace drvbus::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Start : public FifoTest {
protected:
    /// Runs drvbusd with the test's configuration until it exits.
    [[nodiscard]] Result run_daemon() const { return run(command(), environment()); }

    /// Runs drvbusd with `arguments` only.
    [[nodiscard]] Result run_daemon(const std::vector<std::string>& arguments) const
    {
        std::vector<std::string> command_line{command().front()};
        command_line.insert(command_line.end(), arguments.begin(), arguments.end());
        return run(command_line, environment());
    }

    void expect_refused(const std::string& configuration, const std::string& message) const
    {
        configure(configuration);
        const Result result = run_daemon();
        EXPECT_EQ(result.status, EX_CONFIG);
        EXPECT_THAT(result.output, HasSubstr(message));
    }

    /// The start of a message about `place`, "LINE:COLUMN" of the configuration file.
    [[nodiscard]] std::string at(const std::string& place) const { return config_file() + ":" + place + ": "; }

private:
    [[nodiscard]] std::vector<std::string> environment() const
    {
        std::vector<std::string> variables = bus().environment();
        variables.insert(variables.end(), {"JOURNAL_STREAM", "NOTIFY_SOCKET"});
        return variables;
    }
};

TEST_F(Start, ValueOfWrongTypeIsRefused)
{
    expect_refused("log_level = 3\n", at("1:13") + "'log_level' has to be a string in quotes, not a number");
}

TEST_F(Start, UnknownKeyIsRefused)
{
    expect_refused("\nloglevel = \"info\"\n",
                   at("2:1") +
                       "'loglevel' is not a key of the configuration; valid keys are \"log_level\", \"channel\"");
}

TEST_F(Start, InvalidNameIsRefused)
{
    expect_refused("[[channel]]\nname = \"way out\"\n",
                   at("2:8") +
                       "\"way out\" is not a valid channel name; use 1 to 31 of the characters A-Z a-z 0-9 _ -");
}

TEST_F(Start, InvalidFormatIsRefused)
{
    expect_refused("[[channel]]\nname = \"sensor\"\nformat = \"u8 a; u24 b\"\n",
                   at("3:10") +
                       "the format has an error in line 1, column 7: 'u24' is not a type; the types are u8 s8");
}

TEST_F(Start, UnknownValueIsRefused)
{
    expect_refused("[[channel]]\nname = \"sensor\"\nnotification = \"signal\"\n",
                   at("3:16") + "'notification' cannot be \"signal\"; it is one of \"auto\", \"eventfd\", \"poll\", "
                                "\"sigio\"");
}

TEST_F(Start, SyntaxErrorIsRefused)
{
    expect_refused("\n[[channel]\n", config_file() + ":2:");
}

TEST_F(Start, InvalidDropInIsRefused)
{
    configure("");
    ASSERT_EQ(mkdir((config_file() + ".d").c_str(), 0700), 0);
    std::ofstream(config_file() + ".d/10-bad.toml") << "log_level = true\n";
    expect_refused("", config_file() + ".d/10-bad.toml:1:13: 'log_level' has to be a string in quotes, not a boolean");
}

TEST_F(Start, MissingFileIsReported)
{
    const Result result = run_daemon();
    EXPECT_EQ(result.status, EX_CONFIG);
    EXPECT_THAT(result.output, HasSubstr(config_file() + ": cannot be read: No such file or directory"));
}

TEST_F(Start, MissingSessionBusIsReportedWithAdvice)
{
    configure("");
    const Result result = run(command(), {"DBUS_SESSION_BUS_ADDRESS=unix:path=" + path("no-bus"), "JOURNAL_STREAM"});
    EXPECT_EQ(result.status, EXIT_FAILURE);
    EXPECT_THAT(result.output, AllOf(HasSubstr("no session bus: "), HasSubstr("is DBUS_SESSION_BUS_ADDRESS set")));
}

TEST_F(Start, MissingSystemBusIsReportedWithAdvice)
{
    configure("");
    const Result result = run({command().front(), "--config", config_file()},
                              {"DBUS_SYSTEM_BUS_ADDRESS=unix:path=" + path("no-bus"), "JOURNAL_STREAM"});
    EXPECT_EQ(result.status, EXIT_FAILURE);
    EXPECT_THAT(result.output, AllOf(HasSubstr("no system bus: "), HasSubstr("is dbus.service running?")));
}

TEST_F(Start, SecondDaemonExitsAndFirstContinues)
{
    start_channel();
    send(1);
    const Result second = run_daemon();
    EXPECT_EQ(second.status, EX_UNAVAILABLE);
    EXPECT_THAT(second.output, HasSubstr("the name org.drvbus1 is taken on the session bus: another drvbusd is "
                                         "running; stop it first"));
    EXPECT_THAT(second.output, Not(HasSubstr("online"))) << "the second daemon opened the device";
    send(2);
    ASSERT_TRUE(subscriber_.wait_for(2)) << summary(subscriber_);
    EXPECT_EQ(subscriber_.received().gaps(2), "") << "the second daemon consumed an event";
}

TEST_F(Start, MissingPolicyIsReportedWithAdvice)
{
    configure("");
    PrivateBus strict;  // the test has a connection to the other bus
    strict.kill();
    strict.start("<deny own=\"org.drvbus1\"/>");
    const Result result = run(command(), {strict.environment().front(), "JOURNAL_STREAM", "NOTIFY_SOCKET"});
    EXPECT_EQ(result.status, EX_NOPERM);
    EXPECT_THAT(result.output, AllOf(HasSubstr("the session bus does not let this user own org.drvbus1: run drvbusd as "
                                               "the user drvbus, and install its policy"),
                                     HasSubstr("org.drvbus1.conf")));
}

TEST_F(Start, UnknownOptionIsUsageError)
{
    const Result unknown = run_daemon({"--sessions"});
    EXPECT_EQ(unknown.status, EX_USAGE);
    EXPECT_THAT(unknown.output, AllOf(HasSubstr("--sessions"), HasSubstr("--help")));
    EXPECT_EQ(run_daemon({"file"}).status, EX_USAGE);
    EXPECT_EQ(run_daemon({"--config"}).status, EX_USAGE);
}

TEST_F(Start, HelpAndVersionExitWithSuccess)
{
    const Result help = run_daemon({"--help"});
    EXPECT_EQ(help.status, EXIT_SUCCESS);
    EXPECT_THAT(help.output, AllOf(HasSubstr("--session"), HasSubstr("--config"), HasSubstr("drvbusd.toml")));
    const Result version = run_daemon({"--version"});
    EXPECT_EQ(version.status, EXIT_SUCCESS);
    EXPECT_THAT(version.output, testing::ContainsRegex("^[0-9]+\\.[0-9]+\\.[0-9]+\n$"));
}

}  // namespace
}  // namespace drvbus::test

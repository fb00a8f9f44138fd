// SPDX-License-Identifier: LGPL-2.1-or-later
//
// D-Bus clients: busctl, gdbus, and the example programs in C++, Python and shell.
#include <optional>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service.hpp"
#include "sim.hpp"
#include "support/process.hpp"
#include "support/subscriber.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kPath = "/org/drvbus1/channel/thermo";

class Client : public testing::Test {
protected:
    Client()
    {
        SimChannel::Settings settings;
        settings.format = "u16 sensor; s16 celsius";
        settings.event_names = "1 reading\n2 overheat";
        channel_.emplace("thermo", settings);
        if (!wait_for_channel("thermo"))
            throw std::runtime_error("the channel thermo is not on the bus");
    }

    void emit_reading(int sensor) const
    {
        ASSERT_EQ(channel_->emit(1, hex(static_cast<unsigned>(sensor), 2) + hex(0xffec, 2)), 0);
    }
    void emit_overheat(int sensor) const
    {
        ASSERT_EQ(channel_->emit(2, hex(static_cast<unsigned>(sensor), 2) + hex(96, 2), true), 0);
    }

    static bool wait_for_output(const Process& client, const std::string& text)
    {
        return wait_until([&] { return client.output().find(text) != std::string::npos; });
    }

    std::optional<SimChannel> channel_;
};

TEST_F(Client, BusctlIntrospectionHasTypesAndNames)
{
    const Result result = run({"busctl", "introspect", "--no-pager", "org.drvbus1", kPath});
    EXPECT_EQ(result.status, 0);
    for (const char* const text : {"org.drvbus1.Channel", ".Event", "sttuv", ".Lost", "tt", ".State", "\"online\"",
                                   ".Name", "\"thermo\"", ".Format", "\"u16 sensor; s16 celsius\"", ".Notification",
                                   "\"eventfd\"", ".Device", "\"/dev/drvbus/thermo\"", ".NextSequence"})
        EXPECT_THAT(result.output, HasSubstr(text));

    const Result xml =
        run({"busctl", "call", "org.drvbus1", kPath, "org.freedesktop.DBus.Introspectable", "Introspect"});
    for (const char* const text :
         {"name=\\\"sequence\\\"", "name=\\\"time\\\"", "name=\\\"data\\\"", "name=\\\"first\\\""})
        EXPECT_THAT(xml.output, HasSubstr(text));
}

TEST_F(Client, BusctlReadsProperties)
{
    const Subscriber subscriber("thermo");
    emit_reading(1);
    ASSERT_TRUE(subscriber.wait_for(1));
    const Result result = run({"busctl", "get-property", "org.drvbus1", kPath, "org.drvbus1.Channel", "Name",
                               "NextSequence", "EventsPublished", "EventsLost", "State"});
    EXPECT_EQ(result.output, "s \"thermo\"\nt 2\nt 1\nt 0\ns \"online\"\n");
    const Result set = run({"busctl", "set-property", "org.drvbus1", kPath, "org.drvbus1.Channel", "Name", "s", "x"});
    EXPECT_NE(set.status, 0);
}

TEST_F(Client, BusctlMonitorPrintsTypedValues)
{
    const Process monitor({"stdbuf", "-oL", "busctl", "monitor", "org.drvbus1"});
    ASSERT_TRUE(wait_for_output(monitor, "Monitoring bus message stream."));
    emit_overheat(3);
    ASSERT_TRUE(wait_for_output(monitor, "INT16 96;")) << monitor.output();
    for (const char* const text : {"Path=/org/drvbus1/channel/thermo", "Interface=org.drvbus1.Channel", "Member=Event",
                                   "MESSAGE \"sttuv\"", "STRING \"overheat\"", "UINT32 2", "VARIANT \"a{sv}\"",
                                   "STRING \"sensor\"", "UINT16 3", "STRING \"celsius\""})
        EXPECT_THAT(monitor.output(), HasSubstr(text));
}

TEST_F(Client, GdbusMonitorPrintsTypedValues)
{
    const Process monitor({"gdbus", "monitor", "--system", "--dest", "org.drvbus1", "--object-path", kPath});
    // gdbus does not report when the bus has added its match: emit events until it prints one.
    ASSERT_TRUE(wait_until([&] {
        emit_reading(7);
        return monitor.output().find("uint32 1, <{'sensor': <uint16 7>, 'celsius': <int16 -20>}>)\n") !=
               std::string::npos;
    })) << monitor.output();
    EXPECT_THAT(monitor.output(), HasSubstr("org.drvbus1.Channel.Event ('reading', uint64 "));
}

TEST_F(Client, PythonMatchOnArg0ReceivesOnlyThatEvent)
{
    const Process all({"python3", "../examples/subscribe.py", "thermo"});
    const Process one({"python3", "../examples/subscribe.py", "thermo", "overheat"});
    ASSERT_TRUE(wait_for_output(all, "subscribed")) << all.output();
    ASSERT_TRUE(wait_for_output(one, "subscribed")) << one.output();
    emit_reading(1);
    emit_reading(2);
    emit_overheat(3);
    emit_reading(4);
    emit_overheat(5);
    ASSERT_TRUE(wait_for_output(all, "'sensor': 5")) << all.output();
    ASSERT_TRUE(wait_for_output(one, "'sensor': 5")) << one.output();
    EXPECT_THAT(all.output(), HasSubstr("1 reading id=1"));
    EXPECT_THAT(all.output(), HasSubstr("data={'sensor': 4, 'celsius': -20}"));
    EXPECT_THAT(one.output(), HasSubstr("3 overheat id=2"));
    EXPECT_THAT(one.output(), HasSubstr("5 overheat id=2"));
    EXPECT_THAT(one.output(), Not(HasSubstr("reading")));
}

TEST_F(Client, ShellAndCppExamplesPrintEvents)
{
    const Process shell_client({"sh", "../examples/subscribe.sh", "thermo"});
    const Process cpp_client({"../examples/drvbus-subscribe", "thermo"});
    ASSERT_TRUE(wait_for_output(shell_client, "subscribed")) << shell_client.output();
    ASSERT_TRUE(wait_for_output(cpp_client, "subscribed")) << cpp_client.output();
    // The shell example uses gdbus, which does not report when the bus has added its match.
    EXPECT_TRUE(wait_until([&] {
        emit_overheat(9);
        return shell_client.output().find("event: ('overheat', uint64 ") != std::string::npos;
    })) << shell_client.output();
    EXPECT_TRUE(wait_for_output(cpp_client, "1 overheat id=2")) << cpp_client.output();
    EXPECT_TRUE(wait_for_output(cpp_client, "data=a{sv}")) << cpp_client.output();

    Process none({"sh", "../examples/subscribe.sh", "none"});
    EXPECT_EQ(none.wait(), 1);
    EXPECT_THAT(none.output(), HasSubstr("no channel has the name none"));
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Errors: each is reported clearly and affects nothing else.
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sysexits.h>

#include "service.hpp"
#include "sim.hpp"
#include "support/process.hpp"
#include "support/subscriber.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

using testing::HasSubstr;

TEST(Error, SecondDaemonExitsAndTheFirstKeepsWorking)
{
    const SimChannel channel("first");
    ASSERT_TRUE(wait_for_channel("first"));
    const Subscriber subscriber("first");
    const Result second = run({"runuser", "-u", "drvbus", "--", "/usr/libexec/drvbusd"});
    EXPECT_EQ(second.status, EX_UNAVAILABLE);
    EXPECT_THAT(second.output,
                HasSubstr("the name org.drvbus1 is taken on the system bus: another drvbusd is running"));
    ASSERT_EQ(channel.emit(1), 0);
    EXPECT_TRUE(subscriber.wait_for(1));
}

TEST(Error, MissingBusIsReported)
{
    const Result result = run({"/usr/libexec/drvbusd"}, {"DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent"});
    EXPECT_EQ(result.status, 1);
    EXPECT_THAT(result.output, HasSubstr("no system bus: "));
    EXPECT_THAT(result.output, HasSubstr("systemctl status dbus"));
}

TEST(Error, DeviceThatTheUnitDeniesIsReported)
{
    // This happens when the module is loaded again after the start of the service and gets another major number.
    std::optional<UnitDropIn> no_device(std::in_place, "DeviceAllow=\n");
    const SimChannel channel("denied");
    ASSERT_TRUE(wait_for_channel("denied"));
    const Subscriber subscriber("denied");
    ASSERT_EQ(channel.emit(1), 0);
    EXPECT_TRUE(wait_until([&] { return subscriber.channel().State() == "retrying"; }));
    EXPECT_THAT(subscriber.channel().Reason(), HasSubstr("systemctl restart drvbusd"));

    no_device.reset();
    EXPECT_TRUE(subscriber.wait_for(1)) << "the restart that Reason asks for has to help";
}

TEST(Error, PayloadThatDoesNotFitItsFormatIsPublishedAsBytesAndCounted)
{
    SimChannel::Settings settings;
    settings.format = "u16 a; u32 b";
    const Journal journal;
    const SimChannel channel("misfit", settings);
    ASSERT_TRUE(wait_for_channel("misfit"));
    const Subscriber subscriber("misfit");
    ASSERT_EQ(channel.emit(1, "010002000000"), 0);
    ASSERT_EQ(channel.emit(2, "0100000002000000"), 0);  // a C struct with padding
    ASSERT_EQ(channel.emit(3, "030004000000"), 0);
    ASSERT_TRUE(subscriber.wait_for(3));
    const Received received = subscriber.received();
    EXPECT_EQ(received.events[0].fields().at("b").get<std::uint32_t>(), 2U);
    EXPECT_EQ(received.events[1].data.get<std::vector<std::uint8_t>>(),
              (std::vector<std::uint8_t>{1, 0, 0, 0, 2, 0, 0, 0}));
    EXPECT_EQ(received.events[2].fields().at("b").get<std::uint32_t>(), 4U);
    EXPECT_EQ(subscriber.channel().FormatMismatches(), 1U);
    EXPECT_TRUE(journal.shows("does not fit the format, which takes 6 bytes")) << journal.messages();
}

TEST(Error, PayloadIsPublishedAsBytesWhenTheDriverFormatDoesNotParse)
{
    SimChannel::Settings settings;
    settings.format = "u16 a;\nu33 b";
    const Journal journal;
    const SimChannel channel("wrong", settings);
    ASSERT_TRUE(wait_for_channel("wrong"));
    const Subscriber subscriber("wrong");
    EXPECT_EQ(subscriber.channel().State(), "online");
    ASSERT_EQ(channel.emit(1, "0102"), 0);
    ASSERT_TRUE(subscriber.wait_for(1));
    EXPECT_EQ(subscriber.received().events[0].data.get<std::vector<std::uint8_t>>(), (std::vector<std::uint8_t>{1, 2}));
    EXPECT_TRUE(journal.shows("line 2, column 1: 'u33' is not a type")) << journal.messages();

    const ConfigDropIn correct_format("[[channel]]\nname = \"wrong\"\nformat = \"u8 a[2]\"\n");
    ASSERT_EQ(channel.emit(1, "0102"), 0);
    ASSERT_TRUE(subscriber.wait_for(2));
    EXPECT_EQ(subscriber.received().events[1].fields().at("a").get<std::vector<std::uint8_t>>(),
              (std::vector<std::uint8_t>{1, 2}));
}

TEST(Error, NotificationThatTheDriverLacksFailsOnlyItsChannel)
{
    const ConfigDropIn forced("[[channel]]\nname = \"old\"\nnotification = \"eventfd\"\n");
    SimChannel::Settings legacy;
    legacy.legacy = true;
    const SimChannel old("old", legacy);
    const SimChannel other("other");
    ASSERT_TRUE(wait_for_channel("old"));
    ASSERT_TRUE(wait_for_channel("other"));
    const Subscriber subscriber("old");
    EXPECT_EQ(subscriber.channel().State(), "failed");
    EXPECT_THAT(
        subscriber.channel().Reason(),
        HasSubstr("the device does not support an eventfd; set notification to \"auto\", \"poll\" or \"sigio\""));
    EXPECT_EQ(subscriber.channel().Notification(), "");
    const Subscriber good("other");
    ASSERT_EQ(other.emit(1), 0);
    EXPECT_TRUE(good.wait_for(1));
}

TEST(Payload, UnnamedParametersAndBytesKeepTheirTypes)
{
    SimChannel::Settings settings;
    settings.format = "u32[]";
    const SimChannel parameters("parameters", settings);
    const SimChannel bytes("bytes");
    ASSERT_TRUE(wait_for_channel("parameters"));
    ASSERT_TRUE(wait_for_channel("bytes"));
    const Subscriber first("parameters");
    const Subscriber second("bytes");
    ASSERT_EQ(parameters.emit(9, hex(70000, 4) + hex(2, 4)), 0);
    ASSERT_EQ(bytes.emit(10, "ff00"), 0);
    ASSERT_TRUE(first.wait_for(1));
    ASSERT_TRUE(second.wait_for(1));
    EXPECT_EQ(first.received().events[0].data.get<std::vector<std::uint32_t>>(),
              (std::vector<std::uint32_t>{70000, 2}));
    EXPECT_EQ(first.received().events[0].name, "9");
    EXPECT_EQ(second.received().events[0].data.get<std::vector<std::uint8_t>>(), (std::vector<std::uint8_t>{255, 0}));
}

}  // namespace
}  // namespace drvbus::test

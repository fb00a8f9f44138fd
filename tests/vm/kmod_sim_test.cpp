// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Checks of drvbus_sim and, through it, of drvbus_channel_create() and drvbus_emit().
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kmod_node.hpp"
#include "sim.hpp"
#include "support/process.hpp"

namespace drvbus::test {
namespace {

class KmodSim : public testing::Test {
protected:
    static void SetUpTestSuite() { load("drvbus_sim"); }

    /// A channel that is not live yet.
    SimChannel channel_{"sim", {}, false};
};

/// Creates and removes a directory of drvbus_sim. @returns the error of mkdir(2)
int mkdir_error(const std::string& name)
{
    const std::string path = "/sys/kernel/config/drvbus_sim/" + name;
    const int error = error_of(mkdir(path.c_str(), 0755));
    if (error == 0)
        rmdir(path.c_str());
    return error;
}

TEST_F(KmodSim, InvalidChannelNameIsRejected)
{
    EXPECT_EQ(mkdir_error("abcdefghijklmnopqrstuvwxyz01234"), 0) << "31 characters";
    EXPECT_EQ(mkdir_error("-_AZ09az"), 0);
    EXPECT_EQ(mkdir_error("abcdefghijklmnopqrstuvwxyz012345"), EINVAL) << "32 characters";
    for (const char* const name : {"a b", "a.b", "..a", "a!", "a\\b", "a\nb", "\xc3\xa4", "\xe4", "a%s"})
        EXPECT_EQ(mkdir_error(name), EINVAL) << name;
    EXPECT_EQ(mkdir_error("sim"), EEXIST);
}

TEST_F(KmodSim, DepthAndPayloadSizeAreLimited)
{
    EXPECT_EQ(channel_.set("depth", "65537"), EINVAL);
    EXPECT_EQ(channel_.set("payload_size", "65537"), EINVAL);
    for (const char* const text : {"\n", "x", "-1", "1 1", "4294967296", "0x", "1.5"}) {
        EXPECT_EQ(channel_.set("depth", text), EINVAL) << text;
        EXPECT_EQ(channel_.set("payload_size", text), EINVAL) << text;
    }

    ASSERT_EQ(channel_.set("depth", "0"), 0);
    EXPECT_EQ(channel_.live(true), EINVAL) << "an empty ring";
    // A record with the maximum payload has 65,568 bytes: 1,023 records are below 64 MiB, 1,024 above.
    ASSERT_EQ(channel_.set("payload_size", "65536"), 0);
    ASSERT_EQ(channel_.set("depth", "1024"), 0);
    EXPECT_EQ(channel_.live(true), EINVAL) << "more than 64 MiB";
    ASSERT_EQ(channel_.set("depth", "65536"), 0);
    EXPECT_EQ(channel_.live(true), EINVAL);
    ASSERT_EQ(channel_.set("depth", "1023"), 0);
    ASSERT_EQ(channel_.live(true), 0);

    ASSERT_EQ(channel_.burst(1), 0);
    const auto records = Node(channel_).read();
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records.front().payload.size(), 65'536U);
}

TEST_F(KmodSim, TooLargePayloadIsRejected)
{
    ASSERT_EQ(channel_.set("payload_size", "3"), 0);
    ASSERT_EQ(channel_.live(true), 0);
    EXPECT_EQ(channel_.emit(1, "01020304"), EMSGSIZE);
    EXPECT_EQ(channel_.sysfs("events"), 0U);
    EXPECT_EQ(channel_.emit(1, "010203"), 0);
    EXPECT_EQ(channel_.sysfs("events"), 1U);
}

TEST_F(KmodSim, PayloadSizeMayBeZero)
{
    ASSERT_EQ(channel_.set("payload_size", "0"), 0);
    ASSERT_EQ(channel_.live(true), 0);
    EXPECT_EQ(channel_.emit(1, "01"), EMSGSIZE);
    EXPECT_EQ(channel_.emit(1), 0);
    EXPECT_EQ(channel_.burst(1), 0);
    EXPECT_EQ(sequences(Node(channel_).read()), sequences(1, 2));
}

TEST_F(KmodSim, InvalidFormatIsRejected)
{
    EXPECT_EQ(channel_.set("format", std::string(1025, 'x')), EINVAL);
    EXPECT_EQ(channel_.set("format", std::string("a\0b", 3)), EINVAL);
    for (const char* const text : {"u8 \x01", "u8 \x7f", "u8 \xc3\xa4", "u8 a;\r"}) {
        ASSERT_EQ(channel_.set("format", text), 0);
        EXPECT_EQ(channel_.live(true), EINVAL) << text;
    }

    const std::string longest = "u8 a;\tu8\nb" + std::string(1024 - 10, ' ');
    ASSERT_EQ(channel_.set("format", longest), 0);
    ASSERT_EQ(channel_.live(true), 0);
    EXPECT_EQ(read_file("/sys/class/drvbus/sim/format"), longest + "\n");
}

TEST_F(KmodSim, InvalidEventNamesAreRejected)
{
    const std::string name31(31, 'n');
    for (const std::string& text : {std::string("1"), std::string("x name"), std::string("-1 name"),
                                    std::string("4294967296 name"), std::string("1 a b"), std::string("1 a.b"),
                                    std::string("1 \xe4"), "1 n" + name31, std::string("1 a,2"), std::string(" name")})
        EXPECT_EQ(channel_.set("event_names", text), EINVAL) << text;
    ASSERT_EQ(channel_.set("event_names", "1 a,2 b,1 c"), 0);
    EXPECT_EQ(channel_.live(true), EINVAL) << "an id must not have two names";

    std::string too_many;
    for (int id = 0; id < 200; ++id)
        too_many += std::to_string(id) + " " + name31 + "\n";
    EXPECT_EQ(channel_.set("event_names", too_many), EINVAL) << "more than a page";

    ASSERT_EQ(channel_.set("event_names", " 1\ta , 4294967295 " + name31 + "\n\n0 c\n"), 0);
    ASSERT_EQ(channel_.live(true), 0);
    EXPECT_EQ(read_file("/sys/class/drvbus/sim/event_names"), "1 a\n4294967295 " + name31 + "\n0 c\n");
}

TEST_F(KmodSim, SettingsCannotBeChangedWhileTheChannelIsLive)
{
    ASSERT_EQ(channel_.live(true), 0);
    EXPECT_EQ(channel_.set("depth", "1"), EBUSY);
    EXPECT_EQ(channel_.set("payload_size", "1"), EBUSY);
    EXPECT_EQ(channel_.set("format", "u8 a"), EBUSY);
    EXPECT_EQ(channel_.set("event_names", "1 a"), EBUSY);
    EXPECT_EQ(channel_.set("legacy", "1"), EBUSY);
    EXPECT_EQ(channel_.sysfs("depth"), 1024U);

    ASSERT_EQ(channel_.live(false), 0);
    EXPECT_EQ(channel_.set("depth", "1"), 0);
}

TEST_F(KmodSim, EmitFailsUnlessTheChannelIsLive)
{
    EXPECT_EQ(channel_.emit(1), ENODEV);
    EXPECT_EQ(channel_.burst(1), ENODEV);
    ASSERT_EQ(channel_.live(true), 0);
    EXPECT_EQ(channel_.sysfs("events"), 0U);
}

TEST_F(KmodSim, MalformedTextIsRejected)
{
    ASSERT_EQ(channel_.live(true), 0);
    for (const char* const text :
         {"\n", " ", "x", "-1", "4294967296", "1 0", "1 zz", "1 0x00", "1 00 00", "1 00 urgent", "1 urgent 00 00",
          "1 urgent urgent", "urgent", "urgent 1", "1 URGENT", "1,2"})
        EXPECT_EQ(channel_.set("emit", text), EINVAL) << text;
    EXPECT_EQ(channel_.set("emit", "1 " + std::string(4093, '0')), EINVAL) << "longer than configfs accepts";
    EXPECT_EQ(channel_.set("emit", std::string("1\0 00", 5)), EINVAL);
    for (const char* const text : {"\n", "x", "-1", "1000001", "4294967296", "1 1"})
        EXPECT_EQ(channel_.set("rate", text), EINVAL) << text;
    for (const char* const text : {"\n", "x", "-1", "10000001", "4294967296", "1 1"})
        EXPECT_EQ(channel_.set("burst", text), EINVAL) << text;
    for (const char* const text : {"\n", "x", "-1", "4294967296"})
        EXPECT_EQ(channel_.set("generator_id", text), EINVAL) << text;
    for (const char* const text : {"\n", "x", "2"}) {
        EXPECT_EQ(channel_.set("live", text), EINVAL) << text;
        EXPECT_EQ(channel_.set("legacy", text), EBUSY) << text;
    }
    EXPECT_EQ(channel_.sysfs("events"), 0U);

    // Well-formed text is accepted.
    EXPECT_EQ(channel_.set("emit", "  7 \t urgent  0aFF \n"), 0);
    EXPECT_EQ(channel_.set("emit", "0x10"), 0);
    const auto records = Node(channel_).read();
    ASSERT_EQ(records.size(), 2U);
    EXPECT_EQ(records.at(0).id, 7U);
    EXPECT_EQ(records.at(0).flags, DRVBUS_EVENT_URGENT);
    EXPECT_EQ(records.at(0).payload, "\x0a\xff");
    EXPECT_EQ(records.at(1).id, 16U);
}

TEST_F(KmodSim, GeneratorNumbersItsEvents)
{
    ASSERT_EQ(channel_.set("payload_size", "6"), 0);
    ASSERT_EQ(channel_.set("generator_id", "4294967295"), 0);
    ASSERT_EQ(channel_.live(true), 0);
    ASSERT_EQ(channel_.burst(2), 0);
    ASSERT_EQ(channel_.emit(3), 0);
    ASSERT_EQ(channel_.set("generator_id", "9"), 0) << "may be changed while live";
    ASSERT_EQ(channel_.burst(1), 0);

    const auto records = Node(channel_).read();
    ASSERT_EQ(records.size(), 4U);
    EXPECT_EQ(records.at(0).id, 4294967295U);
    EXPECT_EQ(records.at(0).payload, std::string("\1\0\0\0\0\0", 6));
    EXPECT_EQ(records.at(1).payload, std::string("\2\0\0\0\0\0", 6));
    EXPECT_EQ(records.at(3).id, 9U);
    EXPECT_EQ(records.at(3).payload, std::string("\3\0\0\0\0\0", 6)) << "only events of the generator are counted";
}

TEST_F(KmodSim, NameOfAnotherDriversChannelIsRejected)
{
    load("heartbeat");
    {
        SimChannel second("heartbeat", {}, false);
        // This must not log a stack trace; the test script checks the kernel log.
        EXPECT_EQ(second.live(true), EEXIST);
        EXPECT_EQ(second.emit(1), ENODEV);
        EXPECT_EQ(second.sysfs("depth"), 64U) << "the other channel is unchanged";
        ASSERT_EQ(unload("heartbeat"), 0);
        EXPECT_EQ(second.live(true), 0) << "the name is available again";
    }
    EXPECT_NE(access("/sys/class/drvbus/heartbeat", F_OK), 0);
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Errors of the configuration name file, line and column, and what would be right.
#include "config/config.hpp"

#include <ostream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/process.hpp"

namespace drvbus::test {
namespace {

using testing::StartsWith;

struct Wrong {
    const char* title;
    std::string text;
    const char* where;  ///< line:column
    const char* message;
};

std::ostream& operator<<(std::ostream& stream, const Wrong& wrong)
{
    return stream << wrong.title;
}

class WrongConfig : public testing::TestWithParam<Wrong> {};

TEST_P(WrongConfig, IsRefusedWithItsPlaceAndAdvice)
{
    const Wrong& wrong = GetParam();
    ConfigBuilder builder("/nowhere");
    try {
        builder.add(wrong.text, "/etc/test.toml");
        (void)builder.config();
        FAIL() << "no error was reported";
    } catch (const ConfigError& error) {
        EXPECT_EQ(error.what(), std::string("/etc/test.toml:") + wrong.where + ": " + wrong.message);
    }
}

std::string channel(const std::string& settings)
{
    return "[[channel]]\nname = \"way\"\n" + settings;
}

std::string frame(const std::string& keys)
{
    return channel("device = \"/dev/x\"\nrecords = \"frames\"\nframe = { " + keys + " }\n");
}

INSTANTIATE_TEST_SUITE_P(
    Configurations, WrongConfig,
    testing::Values(
        Wrong{"UnknownKey", "\n  loglevel = \"info\"\n", "2:3",
              "'loglevel' is not a key of the configuration; valid keys are \"log_level\", \"channel\""},
        Wrong{"UnknownTable", "[bus]\nname = \"x\"\n", "1:2",
              "'bus' is not a key of the configuration; valid keys are \"log_level\", \"channel\""},
        Wrong{"NameOfMismatches", channel("names = { 1 = \"mismatch\" }\n"), "3:15",
              "'names' cannot have the name \"mismatch\": it is that of events that do not fit the format"},
        Wrong{"EventNameOfMismatches", channel("device = \"/x\"\nrecords = \"raw\"\nevent = \"mismatch\"\n"), "5:9",
              "'event' cannot have the name \"mismatch\": it is that of events that do not fit the format"},
        Wrong{"EmptyEventName", channel("device = \"/x\"\nrecords = \"raw\"\nevent = \"\"\n"), "5:9",
              "'event' cannot have an empty name"},
        Wrong{"EventNameForADeviceWithIds",
              channel("device = \"/x\"\nrecords = \"raw\"\nformat = \"u8 a\"\nid = \"a\"\nevent = \"beat\"\n"), "7:9",
              "'event' names the events of a device whose events have no ids; use 'names'"},
        Wrong{"PrefixOfAnyLength",
              channel("device = \"/x\"\nrecords = \"lines\"\nformat = \"char a[]; u8 b\"\npattern = \"{b}\"\n"
                      "setup = [{ format = \"u32 a\" }]\n"),
              "5:10", "the setup prepends \"a\", so it needs a number of elements"},
        Wrong{
            "ArrayOfAnyLengthWithAPattern",
            channel("device = \"/x\"\nrecords = \"lines\"\nformat = \"u8 a[]; u8 b\"\npattern = \"{b}\"\n"), "5:10",
            "the format has an error in line 1, column 4: 'a' needs a number of elements: with a pattern, only fields "
            "of type char and pairs can have '[]'"},
        Wrong{
            "PairsWithANumberOfElements", channel("format = \"pairs a[2]\"\n"), "3:10",
            "the format has an error in line 1, column 7: a field of type pairs has any number of bytes: 'pairs a[]'"},
        Wrong{"UnknownChannelKey", channel("colour = \"red\"\n"), "3:1",
              "'colour' is not a key of [[channel]]; valid keys are \"name\", \"notification\", \"format\", "
              "\"names\", \"preset\", \"device\", \"match\", \"records\", \"id\", \"time\", \"clock\", "
              "\"sequence\", \"ignore\", \"pattern\", \"priority\", \"setup\", \"rearm\", \"eventfd\", "
              "\"fetch\", \"flood\", \"unit\", \"event\", \"loss\", \"resync\", \"delimiter\", \"max_length\", "
              "\"length\", \"frame\", \"shared\""},
        Wrong{"EmptyDelimiter", channel("device = \"/dev/x\"\nrecords = \"lines\"\ndelimiter = \"\"\n"), "5:13",
              "'delimiter' has 0 bytes; it needs 1 to 16"},
        Wrong{"LongDelimiter", channel("device = \"/dev/x\"\nrecords = \"lines\"\ndelimiter = \"12345678901234567\"\n"),
              "5:13", "'delimiter' has 17 bytes; it needs 1 to 16"},
        Wrong{"NumberForADelimiter", channel("device = \"/dev/x\"\nrecords = \"lines\"\ndelimiter = 13\n"), "5:13",
              "'delimiter' has to be a string, such as \"\\r\\n\", or an array of bytes, such as [0x0d, 0x0a], not a "
              "number"},
        Wrong{"DelimiterOfLargeNumbers", channel("device = \"/dev/x\"\nrecords = \"lines\"\ndelimiter = [256]\n"),
              "5:13", "'delimiter' has to contain bytes, which are numbers from 0 to 255"},
        Wrong{
            "DelimiterWithoutAnEnd",
            channel("device = \"/dev/x\"\nrecords = \"lines\"\ndelimiter = { start = \"<\" }\n"), "5:13",
            "'delimiter' as a table needs a 'start' and an 'end', such as { start = \"\\u0002\", end = \"\\u0003\" }"},
        Wrong{"DelimiterOfRawReads", channel("device = \"/dev/x\"\nrecords = \"raw\"\ndelimiter = \"\\r\"\n"), "5:13",
              "'delimiter' is only valid with records = \"lines\""},
        Wrong{"LargeMaxLength", channel("device = \"/dev/x\"\nrecords = \"lines\"\nmax_length = 32769\n"), "5:14",
              "'max_length' cannot be 32769; it must be from 1 to 32768"},
        Wrong{
            "FramesWithoutAFrame", channel("device = \"/dev/x\"\nrecords = \"frames\"\n"), "4:11",
            "records = \"frames\" needs a 'frame', such as { start = [0x55, 0xaa], length = { at = 2, size = 1, counts "
            "= \"rest\" } }"},
        Wrong{"FrameWithoutAStart", frame("length = 3"), "5:9", "'frame' needs a 'start', such as [0x55, 0xaa]"},
        Wrong{"FrameWithoutALength", frame("start = \"<\""), "5:9",
              "'frame' needs a 'length': the size of each frame, or a table such as { at = 2, size = 1, counts = "
              "\"rest\" }"},
        Wrong{"FrameOfLines", channel("device = \"/dev/x\"\nrecords = \"lines\"\nframe = {}\n"), "5:9",
              "'frame' is only valid with records = \"frames\""},
        Wrong{
            "LengthThatCountsNothing", frame("start = \"<\", length = { at = 1 }"), "5:33",
            "'length' needs 'at', the offset of the length field in the frame, and 'counts', which says what the field "
            "counts: \"frame\", \"rest\", \"payload\""},
        Wrong{"LengthInTheStart", frame("start = \"<<\", length = { at = 1, counts = \"rest\" }"), "5:41",
              "'at' cannot be 1; it must be from 2 to 32767"},
        Wrong{"LengthWithoutAnOrder", frame("start = \"<\", length = { at = 1, size = 2, counts = \"rest\" }"), "5:33",
              "a field of 2 bytes needs an 'order': \"little\", \"big\""},
        Wrong{"ConstantLengthBelowTheParts", frame("start = \"<<\", length = 3, end = \">>\""), "5:34",
              "'length' cannot be 3; it must be from 4 to 32768"},
        Wrong{"ChecksumWithoutAType", frame("start = \"<\", length = 9, checksum = {}"), "5:47",
              "'checksum' needs a 'type', such as \"CRC-16/MODBUS\" or \"sum8\""},
        Wrong{"LengthOfLines", channel("device = \"/dev/x\"\nrecords = \"lines\"\nlength = 3\n"), "5:10",
              "'length' is only valid with records = \"fixed\""},
        Wrong{"LengthThatContradictsTheFormat",
              channel("device = \"/dev/x\"\nrecords = \"fixed\"\nformat = \"u32 x\"\nlength = 3\n"), "6:10",
              "'length' is 3, but the format has 4 bytes: remove 'length', or correct one of them"},
        Wrong{"NumberForAString", "log_level = 3\n", "1:13", "'log_level' has to be a string in quotes, not a number"},
        Wrong{"FractionForAString", channel("format = 1.5\n"), "3:10",
              "'format' has to be a string in quotes, not a number"},
        Wrong{"BooleanForAString", channel("notification = true\n"), "3:16",
              "'notification' has to be a string in quotes, not a boolean"},
        Wrong{"ArrayForAString", channel("format = [\"u8 x\"]\n"), "3:10",
              "'format' has to be a string in quotes, not an array"},
        Wrong{"TableForAString", channel("device = {path = \"/dev/x\"}\n"), "3:10",
              "'device' has to be a string in quotes, not a table"},
        Wrong{"DateForAString", "log_level = 2024-02-29\n", "1:13",
              "'log_level' has to be a string in quotes, not a date or time"},
        Wrong{"NameOfAWrongType", "[[channel]]\nname = 7\n", "2:8",
              "'name' has to be a string in quotes, not a number"},
        Wrong{"UnknownLogLevel", "log_level = \"loud\"\n", "1:13",
              "'log_level' cannot be \"loud\"; it is one of \"trace\", \"debug\", \"info\", \"warning\", \"error\""},
        Wrong{"UnknownNotification", channel("notification = \"signal\"\n"), "3:16",
              "'notification' cannot be \"signal\"; it is one of \"auto\", \"eventfd\", \"poll\", \"sigio\""},
        Wrong{"UnknownRecords", channel("device = \"/dev/x\"\nrecords = \"line\"\n"), "4:11",
              "'records' cannot be \"line\"; it is one of \"drvbus\", \"raw\", \"fixed\", \"lines\", \"snapshot\", "
              "\"frames\""},
        Wrong{"OneBracket", "[channel]\nname = \"way\"\n", "1:1",
              "'channel' has to be written as [[channel]], with two brackets"},
        Wrong{"ChannelIsAString", "channel = \"way\"\n", "1:11",
              "'channel' has to be written as [[channel]], with two brackets"},
        Wrong{"ChannelsAreStrings", "channel = [\"way\"]\n", "1:12",
              "'channel' has to be written as [[channel]], with two brackets"},
        Wrong{"NoName", "\n[[channel]]\nnotification = \"poll\"\n", "2:1",
              "a [[channel]] needs a 'name', such as name = \"heartbeat\""},
        Wrong{"BadName", "[[channel]]\nname = \"way out\"\n", "2:8",
              "\"way out\" is not a valid channel name; use 1 to 31 of the characters A-Z a-z 0-9 _ -"},
        Wrong{"EmptyName", "[[channel]]\nname = \"\"\n", "2:8",
              "\"\" is not a valid channel name; use 1 to 31 of the characters A-Z a-z 0-9 _ -"},
        Wrong{"NameTwice", channel("") + channel(""), "4:8", "[[channel]] \"way\" is defined twice in this file"},
        Wrong{"FormatThatDoesNotParse", channel("format = \"u8 a; u24 b\"\n"), "3:10",
              "the format has an error in line 1, column 7: 'u24' is not a type; the types are u8 s8 u16 s16 u32 s32 "
              "u64 s64 "
              "f32 f64 bool char pairs; those of more than one byte can have a byte order, such as u16be or u16le"},
        Wrong{"FormatOfManyLines", channel("format = \"\"\"\nu8 a;\nu8 a\n\"\"\"\n"), "3:10",
              "the format has an error in line 2, column 4: the field 'a' is defined twice"},
        Wrong{
            "RelativeDevice", channel("device = \"dev/x\"\n"), "3:10",
            "'device' cannot be \"dev/x\"; it is an absolute path, or \"fd:NAME\" for a file that the service manager "
            "opened"},
        Wrong{"ResyncWithoutLoss", channel("device = \"/dev/x\"\nresync = [1]\n"), "4:10",
              "'resync' ends what begins with an event of 'loss', so the channel also needs 'loss'"},
        Wrong{"LossWithAnUnknownName", channel("device = \"/dev/x\"\nloss = [\"x\"]\n"), "4:8",
              "'loss' must contain event ids, or names from 'names'"},
        Wrong{"DeviceWithANul", channel("device = \"/dev/a\\u0000b\"\n"), "3:10",
              "'device' must be shorter than 4096 bytes and cannot contain a NUL character"},
        Wrong{"DeviceThatIsTooLong", channel("device = \"/" + std::string(4096, 'x') + "\"\n"), "3:10",
              "'device' must be shorter than 4096 bytes and cannot contain a NUL character"},
        Wrong{"SetupThatSavesTooMuch",
              channel("device = \"/dev/x\"\nsetup = [{ ioctl = 1, format = \"u8 a[3069]\", restore = 2 }]\n"), "4:9",
              "the steps save 3073 bytes with 'restore', 'keep' and prepended fields; the limit is 3072"},
        Wrong{"EventNameWithANoncharacter", channel("names = { 0 = \"bad\\uFFFEname\" }\n"), "3:15",
              "the text contains a noncharacter of Unicode, such as U+FFFE, which sd-bus refuses; remove it"},
        Wrong{"ReasonWithANoncharacter", channel("setup = [{ ioctl = 1, reason = \"\\uFDD0\" }]\n"), "3:32",
              "the text contains a noncharacter of Unicode, such as U+FFFE, which sd-bus refuses; remove it"},
        Wrong{"KeyWithANoncharacter", channel("names = { \"\\U0001FFFF\" = \"x\" }\n"), "3:11",
              "the text contains a noncharacter of Unicode, such as U+FFFE, which sd-bus refuses; remove it"},
        Wrong{"EventNameWithANul", channel("names = { 0 = \"a\\u0000b\" }\n"), "3:15",
              "the name of an event cannot contain a NUL character; remove it"},
        Wrong{"FileWithoutAName", channel("device = \"fd:\"\n"), "3:10",
              "'device' cannot be \"fd:\"; it is an absolute path, or \"fd:NAME\" for a file that the service manager "
              "opened"},
        Wrong{"EmptyDevice", channel("device = \"\"\n"), "3:10",
              "'device' cannot be \"\"; it is an absolute path, or \"fd:NAME\" for a file that the service manager "
              "opened"},
        Wrong{"RecordsWithoutADevice", channel("records = \"raw\"\n"), "3:11",
              "'records' is only valid with 'device' or 'match': a device of class drvbus does not need it"}),
    [](const auto& wrong) { return std::string(wrong.param.title); });

std::string error_of(const std::string& text)
{
    try {
        ConfigBuilder("/nowhere").add(text, "test.toml");
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "none";
}

// toml++ words the message; the daemon adds the place.
TEST(ConfigSyntax, ErrorNamesLineAndColumn)
{
    EXPECT_THAT(error_of("log_level = info\n"), StartsWith("test.toml:1:"));
    EXPECT_THAT(error_of("\n[[channel]\nname = \"x\"\n"), StartsWith("test.toml:2:"));
    EXPECT_THAT(error_of("log_level = \"info\"\nlog_level = \"debug\"\n"), StartsWith("test.toml:2:"));
    EXPECT_THAT(error_of("log_level = \"info\n"), StartsWith("test.toml:1:"));
    EXPECT_THAT(error_of("log_level = \"\xff\"\n"), StartsWith("test.toml:1:"));
}

class WrongConfigFile : public testing::Test {
protected:
    [[nodiscard]] std::string error(const std::string& name = "drvbusd.toml") const
    {
        try {
            (void)load_config({directory_.path() + "/" + name, false});
        } catch (const ConfigError& error) {
            return error.what();
        }
        return "none";
    }

    TemporaryDirectory directory_;
};

TEST_F(WrongConfigFile, ErrorInADropInNamesTheDropIn)
{
    directory_.file("drvbusd.toml", "log_level = \"info\"\n");
    const std::string drop_in = directory_.file("drvbusd.toml.d/a.toml", "log_level = 1\n");
    EXPECT_THAT(error(), StartsWith(drop_in + ":1:13: "));
}

TEST_F(WrongConfigFile, DirectoryIsRefused)
{
    const std::string file = directory_.file("drvbusd.toml.d/a.toml/x", "");
    EXPECT_EQ(error(), directory_.path() + "/drvbusd.toml.d/a.toml: cannot be read: it is a directory");
    EXPECT_EQ(error("drvbusd.toml.d"), directory_.path() + "/drvbusd.toml.d: cannot be read: it is a directory");
}

TEST_F(WrongConfigFile, DropInPathThatIsAFileIsRefused)
{
    directory_.file("drvbusd.toml.d", "");
    EXPECT_EQ(error(), directory_.path() + "/drvbusd.toml.d: cannot be read: Not a directory");
}

TEST_F(WrongConfigFile, DanglingLinkIsAnError)
{
    ASSERT_EQ(mkdir((directory_.path() + "/drvbusd.toml.d").c_str(), 0700), 0);
    ASSERT_EQ(symlink("gone", (directory_.path() + "/drvbusd.toml.d/a.toml").c_str()), 0);
    EXPECT_EQ(error(), directory_.path() + "/drvbusd.toml.d/a.toml: cannot be read: No such file or directory");
}

TEST_F(WrongConfigFile, UnreadableFileIsAnError)
{
    // Not even root can read this file.
    ASSERT_EQ(symlink("/proc/self/mem", (directory_.path() + "/drvbusd.toml").c_str()), 0);
    EXPECT_EQ(error(), directory_.path() + "/drvbusd.toml: cannot be read: Input/output error");
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What subscribers get of devices that send text: fields, names, bytes that are no text, and mismatches.
#include <csignal>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fifo_test.hpp"

namespace drvbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using Bytes = std::vector<std::uint8_t>;

Bytes bytes_of(std::string_view text)
{
    return {text.begin(), text.end()};
}

class Text : public FifoTest {
protected:
    /// Writes to the device. @returns the newest event, after `count` events were received
    Event write(std::string_view text, std::uint64_t count = 1)
    {
        write_all(writer_.get(), text);
        if (!subscriber_.wait_for(count))
            throw std::runtime_error("the event has not arrived: " + summary(subscriber_));
        return subscriber_.received().events.back();
    }

    static std::string string(const Event& event, const std::string& field)
    {
        return event.fields().at(field).get<std::string>();
    }
};

class KernelLog : public Text {
protected:
    void SetUp() override { start_channel("preset = \"kmsg\"\nfrom_begin = true\n"); }
};

TEST_F(KernelLog, CallerIsAField)
{
    const Event event = write("6,904,9506214456,-,caller=T24012;loop8: detected capacity change from 0 to 354304\n");
    EXPECT_EQ(event.name, "kern.info");
    EXPECT_EQ(event.id, 6U);
    EXPECT_EQ(event.fields().at("record").get<std::uint64_t>(), 904U);
    EXPECT_EQ(string(event, "caller"), "T24012");
    EXPECT_EQ(string(event, "text"), "loop8: detected capacity change from 0 to 354304");
    EXPECT_EQ(subscriber_.channel().FormatMismatches(), 0U);
}

TEST_F(KernelLog, FieldsOfALaterKernelAreKept)
{
    const Event event = write("30,1,2,-,cpu=3,caller=C0;systemd[1]: hello; world\n");
    EXPECT_EQ(event.name, "daemon.info");
    EXPECT_EQ(string(event, "more"), "cpu=3,caller=C0");
    EXPECT_EQ(string(event, "text"), "systemd[1]: hello; world");
}

TEST_F(KernelLog, ContinuationLinesAreADictionary)
{
    const Event event =
        write("4,905,9506214457,-;pci 0000:31:00.0: no link\n SUBSYSTEM=pci\n DEVICE=+pci:0000:31:00.0\n");
    EXPECT_EQ(event.name, "kern.warning");
    EXPECT_EQ(string(event, "text"), "pci 0000:31:00.0: no link");
    EXPECT_THAT((event.fields().at("keys").get<std::map<std::string, std::string>>()),
                ElementsAre(Pair("DEVICE", "+pci:0000:31:00.0"), Pair("SUBSYSTEM", "pci")));
}

TEST_F(KernelLog, MismatchHasANameAndAnIdOfItsOwn)
{
    const Event event = write("nonsense");
    EXPECT_EQ(event.name, "mismatch");
    EXPECT_EQ(event.id, UINT32_MAX);
    EXPECT_EQ(event.data.get<Bytes>(), bytes_of("nonsense"));
    EXPECT_EQ(write("0,1,2,-;panic\n", 2).name, "kern.emerg");
    EXPECT_EQ(subscriber_.channel().FormatMismatches(), 1U);
}

TEST_F(Text, BytesThatAreNoTextArePublishedCompletely)
{
    start_channel("preset = \"serial\"\nsetup = []\n");
    const std::string line("4P<\0\x0f>4T<\0\x0f>4X", 14);
    EXPECT_EQ(write(line + "\n").fields().at("text").get<Bytes>(), bytes_of(line));
    EXPECT_EQ(write("\xff\n", 2).fields().at("text").get<Bytes>(), bytes_of("\xff"));
    EXPECT_EQ(string(write("plain text\n", 3), "text"), "plain text");
    EXPECT_EQ(subscriber_.channel().FormatMismatches(), 0U);
}

TEST_F(Text, AnyFieldOfAPatternCanHaveAnyLength)
{
    start_channel("preset = \"fifo\"\nformat = \"char place[]; f64 celsius\"\npattern = \"{place} {celsius}\"\n");
    const Event event = write("cpu zone 0   21.5 \n");
    EXPECT_EQ(string(event, "place"), "cpu zone 0");
    EXPECT_EQ(event.fields().at("celsius").get<double>(), 21.5);
    EXPECT_EQ(subscriber_.channel().FormatMismatches(), 0U);
}

TEST_F(Text, MismatchIsLoggedWithThePlace)
{
    start_channel("preset = \"fifo\"\nformat = \"char place[]; f64 celsius\"\npattern = \"{place} {celsius}\"\n");
    EXPECT_EQ(write("board hot\x1b\n").name, "mismatch");
    EXPECT_THAT(daemon().output(),
                HasSubstr("the text \"board hot\\x1b\" does not match the pattern \"{place} {celsius}\": it "
                          "has \"hot\\x1b\" where {celsius} needs a number"));
}

TEST_F(Text, EventsWithoutIdsHaveAName)
{
    start_channel("preset = \"fifo\"\n");
    EXPECT_EQ(write("one\n").name, "line");
    configure(channel("sensor", fifo_.path(), "preset = \"fifo\"\nevent = \"reading\"\n"));
    daemon().signal(SIGHUP);
    ASSERT_TRUE(wait_until([&] { return daemon().output().find("was reloaded") != std::string::npos; }));
    EXPECT_EQ(write("two\n", 2).name, "reading");
}

TEST_F(Text, EventsOfBinaryDevicesWithoutIdsHaveAName)
{
    start_channel("records = \"fixed\"\nformat = \"u8 value\"\n");
    EXPECT_EQ(write("\x05").name, "record");
}

TEST_F(Text, EventsWithIdsWithoutNamesHaveTheNumber)
{
    start_channel("records = \"fixed\"\nformat = \"u8 value\"\nid = \"value\"\n");
    EXPECT_EQ(write("\x05").name, "5");
}

}  // namespace
}  // namespace drvbus::test

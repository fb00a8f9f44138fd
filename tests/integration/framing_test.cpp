// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The daemon divides input into events: delimiters, records that are too long, input that is part of no record.
#include <csignal>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fifo_test.hpp"
#include "service_manager.hpp"

namespace drvbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> texts_of(const Subscriber& subscriber)
{
    std::vector<std::string> all;
    for (const Event& event : subscriber.received().events)
        all.push_back(event.fields().at("text").get<std::string>());
    return all;
}

class InputFraming : public FifoTest {
protected:
    /// Starts drvbusd with a channel of preset "fifo".
    void start_lines(const std::string& settings) { start_channel("preset = \"fifo\"\n" + settings); }
    void send_text(const std::string& text) const { write_all(writer_.get(), text); }

    /// Waits for `count` events and returns their texts.
    std::vector<std::string> first_texts(std::uint64_t count)
    {
        EXPECT_TRUE(subscriber_.wait_for(count)) << summary(subscriber_);
        return texts_of(subscriber_);
    }
};

TEST_F(InputFraming, CarriageReturnIsNoPartOfTheLastField)
{
    start_channel("preset = \"fifo\"\nformat = \"char place[8]; f64 celsius\"\npattern = \"{place} {celsius}\"\n");
    send_text("board 21.5\r\ncpu 80\n");
    ASSERT_TRUE(subscriber_.wait_for(2)) << summary(subscriber_);
    const std::vector<Event> events = subscriber_.received().events;
    EXPECT_EQ(events[0].fields().at("celsius").get<double>(), 21.5);
    EXPECT_EQ(events[1].fields().at("celsius").get<double>(), 80.0);
    EXPECT_EQ(subscriber_.channel().FormatMismatches(), 0U);
}

TEST_F(InputFraming, DelimiterMayBeAnyBytes)
{
    start_lines("delimiter = [0]\n");
    send_text(std::string("one\0two\n\r\0", 10));
    EXPECT_THAT(first_texts(2), ElementsAre("one", "two\n\r"));
}

TEST_F(InputFraming, BytesOutsideStartAndEndAreSkippedAndCounted)
{
    start_lines("delimiter = { start = \"\\u0002\", end = \"\\u0003\" }\n");
    send_text("noise\x02one\x03\r\n\x02two\x03");
    EXPECT_THAT(first_texts(2), ElementsAre("one", "two"));
    EXPECT_EQ(subscriber_.channel().FramingErrors(), 2U);
}

TEST_F(InputFraming, TooLongLineIsOneEventThatIsMarkedAsCut)
{
    start_lines("");
    send_text(std::string(70'000, 'x') + "\nnext\n");
    EXPECT_THAT(first_texts(2), ElementsAre(std::string(32'768, 'x'), "next"));
    const std::vector<Event> events = subscriber_.received().events;
    EXPECT_TRUE(events[0].fields().contains("_cut"));
    EXPECT_FALSE(events[1].fields().contains("_cut"));
    EXPECT_EQ(subscriber_.channel().FramingErrors(), 1U);
}

TEST_F(InputFraming, LimitOfALineIsASetting)
{
    start_lines("max_length = 3\n");
    send_text("abc\r\nabcd\r\n");
    EXPECT_THAT(first_texts(2), ElementsAre("abc", "abc"));
    const std::vector<Event> events = subscriber_.received().events;
    EXPECT_FALSE(events[0].fields().contains("_cut"));
    EXPECT_TRUE(events[1].fields().contains("_cut"));
}

TEST_F(InputFraming, FixedLengthNeedsNoFormat)
{
    start_channel("records = \"fixed\"\nlength = 3\nformat = \"char text[]\"\n");
    send_text("onetwofo");
    send_text("ur!");
    EXPECT_THAT(first_texts(3), ElementsAre("one", "two", "fou"));
}

TEST_F(InputFraming, FramesArePublishedAndAWrongOneIsSkipped)
{
    start_channel("records = \"frames\"\nformat = \"u8 version; u8 command; u8 _length[2]; u8 data[]\"\n"
                  "id = \"command\"\n"
                  "frame = { start = [0x55, 0xaa], checksum = { type = \"sum8\" }, "
                  "  length = { at = 4, size = 2, order = \"big\", counts = \"payload\" } }\n");
    const std::string frame("\x55\xaa\x03\x07\x00\x02\x01\x0a\x16", 9);
    std::string wrong = frame;
    wrong[7] = '\x0b';
    send_text(frame + "noise" + frame.substr(0, 5));
    send_text(frame.substr(5) + wrong + frame);
    ASSERT_TRUE(subscriber_.wait_for(3)) << summary(subscriber_);
    for (const Event& event : subscriber_.received().events) {
        EXPECT_EQ(event.id, 7U);
        EXPECT_THAT(event.fields().at("data").get<std::vector<std::uint8_t>>(), ElementsAre(1, 10));
    }
    EXPECT_EQ(subscriber_.channel().FramingErrors(), 2U);
    EXPECT_EQ(subscriber_.channel().FormatMismatches(), 0U);
}

TEST_F(InputFraming, MuchInputWithoutAnEndIsLoggedOnce)
{
    start_lines("");
    std::string text;
    while (text.size() < 40'000)
        text += "$GPGGA,1,2\r";
    send_text(text + "\n");
    ASSERT_TRUE(subscriber_.wait_for(1)) << summary(subscriber_);
    send_text(text + "\nlast\n");
    ASSERT_TRUE(subscriber_.wait_for(3)) << summary(subscriber_);
    const std::string output = daemon().output();
    const std::size_t first = output.find("arrived without the end of a record");
    ASSERT_NE(first, std::string::npos) << output;
    EXPECT_THAT(output, HasSubstr("channel sensor: "));
    EXPECT_THAT(output, HasSubstr("a record ends with LF (\\n); the bytes contain CR (\\r)"));
    EXPECT_THAT(output, HasSubstr("set delimiter = \"\\r\""));
    EXPECT_EQ(output.find("arrived without the end of a record", first + 1), std::string::npos);
}

TEST_F(InputFraming, RestOfACutLineIsSkippedAfterRestart)
{
    const ServiceManager manager;
    const std::string configuration = channel("sensor", fifo_.path(), "preset = \"fifo\"\nmax_length = 10\n");
    start_with(ServiceManager::as_service(command()), configuration, manager.options());
    writer_ = fifo_.open_writer();
    ASSERT_TRUE(wait_until([&] {
        return manager.stored() == std::set<std::string>{"device.sensor", "checkpoint.sensor"};
    }));
    send_text("0123456789 the rest of the line");
    ASSERT_TRUE(subscriber_.wait_for(1)) << summary(subscriber_);
    ASSERT_TRUE(wait_until([&] { return subscriber_.channel().EventsPublished() == 1; }));
    daemon().signal(SIGKILL);
    EXPECT_EQ(daemon().wait(), 128 + SIGKILL);

    send_text(" goes on\nnext\n");
    start_with(ServiceManager::as_service(command()), configuration, manager.options());
    ASSERT_TRUE(subscriber_.wait([](const Received& received) { return received.events.back().sequence == 2; }))
        << summary(subscriber_);
    EXPECT_EQ(texts_of(subscriber_).back(), "next");
    EXPECT_EQ(subscriber_.channel().FramingErrors(), 1U) << "the counter outlives the process";
}

class SerialFraming : public DaemonTest {
protected:
    void start_serial(const std::string& settings)
    {
        start(channel("gps", terminal_.path(), "preset = \"serial\"\n" + settings));
        ASSERT_EQ(reason_for("online", subscriber_), "");  // from now on, the terminal changes no byte
    }

    /// Sends `text` and returns the texts of the first `count` events.
    std::vector<std::string> texts_after(const std::string& text, std::uint64_t count)
    {
        write_all(terminal_.writer(), text);
        EXPECT_TRUE(subscriber_.wait_for(count)) << summary(subscriber_);
        return texts_of(subscriber_);
    }

    Terminal terminal_;
    Subscriber subscriber_{"gps", bus().address()};
};

TEST_F(SerialFraming, LineEndsWithCarriageReturnAndNewline)
{
    start_serial("");
    EXPECT_THAT(texts_after("$GPGGA,1,2\r\n$GPGGA,3,4\r\n", 2), ElementsAre("$GPGGA,1,2", "$GPGGA,3,4"));
}

TEST_F(SerialFraming, LineEndsWithCarriageReturnIfThatIsTheDelimiter)
{
    start_serial("delimiter = \"\\r\"\n");
    EXPECT_THAT(texts_after("@RESET\r$GPGGA,1,2\r\n$GPGGA,3,4\r\n", 3),
                ElementsAre("@RESET", "$GPGGA,1,2", "\n$GPGGA,3,4"));
}

TEST_F(SerialFraming, CarriageReturnIsKeptIfTheDelimiterIsANewline)
{
    start_serial("delimiter = \"\\n\"\n");
    EXPECT_THAT(texts_after("@RESET\rf\x06$GPGGA,1,2\r\n", 1), ElementsAre("@RESET\rf\x06$GPGGA,1,2\r"));
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Records from a FIFO: the daemon publishes each event once and in order, and announces lost events.
#include <csignal>
#include <cstdint>
#include <regex>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/drvbus.h>
#include <sys/socket.h>

#include "fifo_test.hpp"
#include "observer.hpp"

namespace drvbus::test {
namespace {

using testing::HasSubstr;

class Stream : public FifoTest {};

TEST_F(Stream, EventsArePublishedOnceInOrderAndComplete)
{
    constexpr std::uint64_t kCount = 2000;
    start_channel("format = \"u32 count\"\n");
    for (std::uint64_t i = 1; i <= kCount; ++i)
        send({.sequence = i, .time_ns = 1'000'000 + i, .id = static_cast<std::uint32_t>(4294967295 - i)},
             packed(static_cast<std::uint32_t>(i * i)));

    ASSERT_TRUE(subscriber_.wait_for(kCount)) << summary(subscriber_);
    const Received received = subscriber_.received();
    ASSERT_EQ(received.gaps(kCount), "");
    ASSERT_EQ(received.events.size(), kCount);
    for (const Event& event : received.events) {
        ASSERT_EQ(event.time, 1'000'000 + event.sequence);
        ASSERT_EQ(event.id, 4294967295 - event.sequence);
        ASSERT_EQ(event.name, std::to_string(event.id)) << "the name of an unnamed id is the number";
        ASSERT_EQ(event.fields().at("count").get<std::uint32_t>(), event.sequence * event.sequence);
    }
    EXPECT_EQ(subscriber_.channel().EventsPublished(), kCount);
    EXPECT_EQ(subscriber_.channel().EventsLost(), 0U);
    EXPECT_EQ(subscriber_.channel().NextSequence(), kCount + 1);
}

TEST_F(Stream, EventsWrittenBeforeStartArePublished)
{
    const UniqueFd holder(must(open(fifo_.path().c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC), "open"));
    write_all(holder.get(), record({.sequence = 1}) + record({.sequence = 2}));
    start_channel();
    ASSERT_TRUE(subscriber_.wait_for(2)) << summary(subscriber_);
    EXPECT_EQ(subscriber_.received().gaps(2), "");
}

TEST_F(Stream, GapIsAnnouncedOnceBeforeTheNextEvent)
{
    start_channel();
    const Observer observer(bus().address());
    for (const std::uint64_t sequence : std::initializer_list<std::uint64_t>{1, 2, 5, 6, 107})
        send(sequence);
    ASSERT_TRUE(subscriber_.wait_for(107)) << summary(subscriber_);

    const Received received = subscriber_.received();
    EXPECT_EQ(received.gaps(107), "");
    ASSERT_EQ(received.lost.size(), 2U);
    EXPECT_EQ(received.lost.at(0).first, 3U);
    EXPECT_EQ(received.lost.at(0).count, 2U);
    EXPECT_EQ(received.lost.at(1).first, 7U);
    EXPECT_EQ(received.lost.at(1).count, 100U);
    EXPECT_EQ(subscriber_.channel().EventsPublished(), 5U);
    EXPECT_EQ(subscriber_.channel().EventsLost(), 102U);
    EXPECT_EQ(subscriber_.channel().NextSequence(), 108U);
    EXPECT_EQ(observer.manager().EventsPublished(), 5U);
    EXPECT_EQ(observer.manager().EventsLost(), 102U);
}

TEST_F(Stream, NextWriterContinues)
{
    start_channel();
    for (std::uint64_t i = 1; i <= 5; ++i) {
        send(i);
        writer_.reset();
        // Only after the daemon has read the event does it see a FIFO without a writer.
        ASSERT_TRUE(subscriber_.wait_for(i)) << summary(subscriber_);
        writer_ = fifo_.open_writer();
    }
    send(6);
    ASSERT_TRUE(subscriber_.wait_for(6)) << summary(subscriber_);
    EXPECT_EQ(subscriber_.received().gaps(6), "");
    EXPECT_EQ(subscriber_.channel().State(), "online");
}

TEST_F(Stream, RecordWrittenBytewiseIsOneEvent)
{
    start_channel();
    const std::string bytes = record({.sequence = 1}, "byte by byte");
    for (const char byte : bytes)
        write_all(writer_.get(), std::string_view(&byte, 1));
    send(2);
    ASSERT_TRUE(subscriber_.wait_for(2)) << summary(subscriber_);
    EXPECT_EQ(subscriber_.received().gaps(2), "");
}

TEST_F(Stream, SlowlyWrittenRecordIsNoSpuriousReadiness)
{
    start_channel();
    const std::string bytes = record({.sequence = 1}, std::string(60000, 'x'));
    for (const char byte : bytes)
        write_all(writer_.get(), std::string_view(&byte, 1));
    send(2);
    ASSERT_TRUE(subscriber_.wait_for(2)) << summary(subscriber_);
    EXPECT_EQ(subscriber_.received().gaps(2), "");
    EXPECT_EQ(state_of(subscriber_), "online");
}

TEST_F(Stream, MalformedRecordsAffectOnlyTheirChannel)
{
    const Fifo other(path("other"));
    start(channel("sensor", fifo_.path()) + channel("other", other.path()));
    writer_ = fifo_.open_writer();
    const UniqueFd other_writer = other.open_writer();
    const Subscriber other_subscriber("other", bus().address());
    const Observer object(bus().address(), channel_path("sensor"));

    send(1);
    write_all(writer_.get(), "this is text and not a record of a driver");
    EXPECT_TRUE(object.wait(
        [&](const ObjectSignals& signals) { return signals.changed_to("State", std::string("retrying")); }));
    const std::string reason = "the device sends bytes that are not drvbus records; set records = \"raw\" if each read "
                               "of it is one event";
    EXPECT_TRUE(object.wait([&](const ObjectSignals& signals) { return signals.changed_to("Reason", reason); }));
    EXPECT_TRUE(
        object.wait([&](const ObjectSignals& signals) { return signals.changed_to("Notification", std::string()); }));
    EXPECT_TRUE(subscriber_.wait_for(1)) << "the event before the malformed record was not published";
    EXPECT_EQ(subscriber_.channel().EventsPublished(), 1U);

    for (std::uint64_t i = 1; i <= 100; ++i)
        write_all(other_writer.get(), record({.sequence = i}));
    ASSERT_TRUE(other_subscriber.wait_for(100)) << summary(other_subscriber);
    EXPECT_EQ(other_subscriber.received().gaps(100), "");
    EXPECT_EQ(other_subscriber.channel().State(), "online");
}

TEST_F(Stream, SequenceThatGoesBackStartsNewInstance)
{
    start_channel();
    send(1);
    send(2);
    ASSERT_TRUE(subscriber_.wait_for(2)) << summary(subscriber_);
    const std::uint64_t first = subscriber_.channel().Instance();
    const Observer object(bus().address(), channel_path("sensor"));
    send(1);
    ASSERT_TRUE(subscriber_.wait_for(3)) << summary(subscriber_);
    EXPECT_TRUE(object.wait([&](const ObjectSignals& signals) {
        return signals.has_changed("Instance") && signals.has_changed("Previous");
    }));
    EXPECT_GT(subscriber_.channel().Instance(), first);
    EXPECT_EQ(subscriber_.channel().Previous(), Subscriber::InstancePosition(first, 3U))
        << "the position of the previous instance";
    EXPECT_EQ(subscriber_.received().events.back().sequence, 1U);
    EXPECT_EQ(subscriber_.channel().NextSequence(), 2U);
}

TEST_F(Stream, DeviceIsReopenedAfterMalformedRecord)
{
    start_channel();
    send(1);
    write_all(writer_.get(), std::string(32, '\xff'));
    EXPECT_THAT(reason_for("retrying", subscriber_), HasSubstr("not drvbus records"));
    writer_.reset();

    EXPECT_EQ(reason_for("online", subscriber_), "");
    writer_ = fifo_.open_writer();
    send(2);
    ASSERT_TRUE(subscriber_.wait_for(2));
    EXPECT_EQ(subscriber_.received().gaps(2), "");
}

/// What the log says about a subject: in lines of its own, and in lines with a total.
struct Logged {
    int lines = 0;
    std::uint64_t in_lines = 0;  ///< sum of the first group of the pattern
    int totals = 0;
    std::uint64_t in_totals = 0;
};

Logged logged(const std::string& log, const std::string& line, const std::string& subject)
{
    Logged found;
    const auto each = [&log](const std::string& pattern, const auto& use) {
        const std::regex expression(pattern);
        for (std::sregex_iterator at(log.begin(), log.end(), expression), end; at != end; ++at)
            use(*at);
    };
    each(line, [&found](const std::smatch& match) {
        ++found.lines;
        found.in_lines += match.size() > 1 ? std::stoull(match.str(1)) : 1;
    });
    each(subject + ": (\\d+) more", [&found](const std::smatch& match) {
        ++found.totals;
        found.in_totals += std::stoull(match.str(1));
    });
    return found;
}

TEST_F(Stream, LogOfManyGapsIsShortAndComplete)
{
    constexpr std::uint64_t kGaps = 2000;
    start_channel();
    for (std::uint64_t gap = 1; gap <= kGaps; ++gap)
        send(2 * gap);
    ASSERT_TRUE(subscriber_.wait_for(2 * kGaps)) << summary(subscriber_);
    EXPECT_EQ(subscriber_.received().lost_count(), kGaps);
    daemon().signal(SIGTERM);
    EXPECT_EQ(daemon().wait(), 0);
    const Logged gaps =
        logged(daemon().output(), "channel sensor: (\\d+) events from sequence", "channel sensor: lost events");
    EXPECT_LT(gaps.lines + gaps.totals, 200);
    EXPECT_GE(gaps.lines, 1);
    EXPECT_EQ(gaps.in_lines + gaps.in_totals, kGaps);
}

TEST_F(Stream, LogOfADeviceThatHangsUpAgainAndAgainIsShortAndHasItsLastState)
{
    constexpr std::uint64_t kConnections = 8;
    UniqueFd socket = bind_socket(path("socket"), SOCK_STREAM);
    must(listen(socket.get(), 1), "listen");
    start(channel("sensor", path("socket"), "preset = \"fifo\"\n"));
    for (std::uint64_t connection = 1; connection <= kConnections; ++connection) {
        const UniqueFd peer(must(accept(socket.get(), nullptr, nullptr), "accept"));
        write_all(peer.get(), "hello\n");
        ASSERT_TRUE(subscriber_.wait_for(connection)) << summary(subscriber_);
        if (connection == kConnections)
            socket.reset();  // the device remains absent
    }
    (void)reason_for("retrying", subscriber_);
    daemon().signal(SIGTERM);
    EXPECT_EQ(daemon().wait(), 0);
    const std::string log = daemon().output();
    const Logged states = logged(log, "channel sensor: (?:retrying|/)", "channel sensor: changes of its state");
    // Each connection makes the channel online and then retrying.
    EXPECT_GE(states.in_lines + states.in_totals, 2 * kConnections) << log;
    EXPECT_THAT(log, HasSubstr("; the last one: channel sensor: retrying: "));
    EXPECT_LT(static_cast<std::uint64_t>(states.lines + states.totals), 2 * kConnections) << log;
}

}  // namespace
}  // namespace drvbus::test

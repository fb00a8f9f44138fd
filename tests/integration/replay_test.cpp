// SPDX-License-Identifier: LGPL-2.1-or-later
//
// GetEvents returns events that a subscriber missed.
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fifo_test.hpp"

namespace drvbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Replay : public FifoTest {
protected:
    /// The answer of GetEvents, with the sequences of its events.
    struct Answer {
        std::vector<std::uint64_t> sequences;
        std::uint64_t next;
        bool more;
        std::uint64_t lost;
        std::uint64_t instance;
    };

    [[nodiscard]] Answer get_events(std::uint64_t since, std::uint32_t max = 0) const
    {
        const auto [events, next, more, lost, instance] = subscriber_.channel().GetEvents(since, max);
        Answer answer{{}, next, more, lost, instance};
        for (const auto& event : events)
            answer.sequences.push_back(std::get<1>(event));
        return answer;
    }

    [[nodiscard]] sdbus::Error get_events_error(std::uint64_t since) const
    {
        try {
            (void)get_events(since);
        } catch (const sdbus::Error& error) {
            return error;
        }
        ADD_FAILURE() << "GetEvents returned no error";
        return bus::make_error("none", "");
    }

    void send_and_wait(std::uint64_t first, std::uint64_t last, const std::string& payload = {})
    {
        for (std::uint64_t sequence = first; sequence <= last; ++sequence)
            send(sequence, payload);
        ASSERT_TRUE(subscriber_.wait_for(last)) << summary(subscriber_);
        ASSERT_TRUE(wait_until([&] { return subscriber_.channel().NextSequence() == last + 1; }));
    }
};

TEST_F(Replay, AnswerEqualsSignal)
{
    start_channel("format = \"u32 count; char text[]\"\n");
    send({.sequence = 1, .time_ns = 77, .id = 5}, packed(std::uint32_t{42}, "some text"));
    ASSERT_TRUE(subscriber_.wait_for(1));
    const Event received = subscriber_.received().events.at(0);
    const auto [events, next, more, lost, instance] = subscriber_.channel().GetEvents(1, 0);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(std::get<0>(events[0]), received.name);
    EXPECT_EQ(std::get<1>(events[0]), received.sequence);
    EXPECT_EQ(std::get<2>(events[0]), received.time);
    EXPECT_EQ(std::get<3>(events[0]), received.id);
    auto fields = std::get<4>(events[0]).get<std::map<std::string, sdbus::Variant>>();
    EXPECT_EQ(fields.at("count").get<std::uint32_t>(), 42U);
    EXPECT_EQ(fields.at("text").get<std::string>(), "some text");
    EXPECT_EQ(instance, subscriber_.channel().Instance());
}

TEST_F(Replay, AnswerStartsAtSinceAndReportsMore)
{
    start_channel();
    send_and_wait(1, 10);
    const Answer all = get_events(1);
    EXPECT_EQ(all.sequences.size(), 10U);
    EXPECT_EQ(all.next, 11U);
    EXPECT_FALSE(all.more);
    EXPECT_EQ(all.lost, 0U);
    EXPECT_EQ(get_events(0).sequences.size(), 10U) << "0 means the same as 1";

    const Answer some = get_events(4, 3);
    EXPECT_THAT(some.sequences, ElementsAre(4, 5, 6));
    EXPECT_EQ(some.next, 7U);
    EXPECT_TRUE(some.more);
    EXPECT_EQ(some.lost, 0U);

    const Answer none = get_events(11);
    EXPECT_TRUE(none.sequences.empty());
    EXPECT_EQ(none.next, 11U);
    EXPECT_FALSE(none.more);
}

TEST_F(Replay, AnswerCountsLostEvents)
{
    start_channel();
    send_and_wait(1, 2);
    send(5);
    send(9);
    ASSERT_TRUE(subscriber_.wait_for(9));
    const Answer answer = get_events(1);
    EXPECT_THAT(answer.sequences, ElementsAre(1, 2, 5, 9));
    EXPECT_EQ(answer.next, 10U);
    EXPECT_EQ(answer.lost, 5U);
}

TEST_F(Replay, ReplayLogIsBounded)
{
    constexpr std::uint64_t kCount = 100;
    start_channel();
    send_and_wait(1, kCount, std::string(10000, 'x'));
    std::uint64_t since = 1;
    std::uint64_t lost = 0;
    std::vector<std::uint64_t> sequences;
    for (bool more = true; more;) {
        const Answer answer = get_events(since);
        ASSERT_LE(answer.sequences.size(), 13U) << "an answer has at most 128 KiB";
        sequences.insert(sequences.end(), answer.sequences.begin(), answer.sequences.end());
        lost += answer.lost;
        since = answer.next;
        more = answer.more;
    }
    EXPECT_EQ(sequences.size() + lost, kCount);
    EXPECT_GE(sequences.size(), 18U);
    EXPECT_EQ(sequences.front(), lost + 1);
    EXPECT_EQ(sequences.back(), kCount);
}

TEST_F(Replay, AnswerHasAtMostThousandEvents)
{
    start_channel();
    send_and_wait(1, 1500);
    const Answer answer = get_events(1, 4000000000);
    EXPECT_EQ(answer.sequences.size(), 1000U);
    EXPECT_TRUE(answer.more);
    EXPECT_EQ(get_events(answer.next).sequences.size(), 500U);
}

TEST_F(Replay, SequenceInTheFutureIsRefused)
{
    start_channel();
    send_and_wait(1, 3);
    const sdbus::Error error = get_events_error(5);
    EXPECT_EQ(std::string(error.getName()), "org.drvbus1.Error.OutOfRange");
    EXPECT_THAT(error.getMessage(), HasSubstr("there is no event 5 yet, the next one is 4"));
    for (const std::uint64_t since : {std::uint64_t{1} << 63U, UINT64_MAX})
        EXPECT_EQ(std::string(get_events_error(since).getName()), "org.drvbus1.Error.OutOfRange");
    EXPECT_EQ(get_events(4).next, 4U) << "the daemon does not answer after the errors";
}

TEST_F(Replay, AbsentChannelIsUnavailable)
{
    start(channel("sensor", path("missing")));
    const sdbus::Error error = get_events_error(1);
    EXPECT_EQ(std::string(error.getName()), "org.drvbus1.Error.Unavailable");
    EXPECT_THAT(error.getMessage(), HasSubstr("channel sensor is absent: there is no "));
}

TEST_F(Replay, NewInstanceHasItsOwnReplayLog)
{
    start_channel();
    send_and_wait(1, 3);
    const std::uint64_t instance = get_events(1).instance;
    send(1);
    ASSERT_TRUE(subscriber_.wait_for(4));
    const Answer answer = get_events(1);
    EXPECT_THAT(answer.sequences, ElementsAre(1));
    EXPECT_NE(answer.instance, instance);
    EXPECT_EQ(std::string(get_events_error(4).getName()), "org.drvbus1.Error.OutOfRange");
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/replay.hpp"

#include <cstdint>
#include <exception>
#include <functional>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/errno.hpp"
#include "bus_client.hpp"
#include "message_text.hpp"
#include "support/record.hpp"
#include "turn.hpp"

namespace drvbus::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A server replies to calls with reply_to_get_events(), and a client reads the replies.
class BusReplay : public BusTest {
protected:
    struct Reply {
        std::string signature;
        std::string contents;  ///< as text_of() describes it
        std::vector<std::uint64_t> sequences;
        std::uint64_t next;
        bool more;
        std::uint64_t lost;
        std::uint64_t instance;
    };

    void SetUp() override
    {
        const auto handle = [](sd_bus_message* call, void* self, sd_bus_error*) noexcept {
            static_cast<BusReplay*>(self)->handle_(call);
            return 1;
        };
        check(sd_bus_add_object(server_.get(), nullptr, "/test", handle, this), "sd_bus_add_object");
    }

    /// Records with the given sequences and a payload of `size` bytes each.
    static std::string records(const std::vector<std::uint64_t>& sequences, std::size_t size = 1)
    {
        std::string bytes;
        for (const std::uint64_t sequence : sequences)
            bytes += record({.sequence = sequence, .time_ns = 77, .id = 5}, std::string(size, 'x'));
        return bytes;
    }

    static std::string records_from_to(std::uint64_t first, std::uint64_t last)
    {
        std::vector<std::uint64_t> sequences(last - first + 1);
        std::iota(sequences.begin(), sequences.end(), first);
        return records(sequences);
    }

    /// Replies to a call with `bytes`, the records from the sequence `since` on.
    Reply get_events(const std::string& bytes, std::uint64_t next_sequence, std::uint64_t since, std::uint32_t max = 0)
    {
        handle_ = [&, since, max](sd_bus_message* call) {
            const bus::Replay replay{channel_, as_bytes(bytes), next_sequence, kInstance};
            bus::reply_to_get_events(call, replay, since, max);
        };
        std::optional<Reply> reply;
        client_.call(server_.unique_name(), "/test", "test.Interface", "GetEvents",
                     [&reply](sd_bus_message* message) { reply = parse(message); });
        EXPECT_TRUE(turn_until(loop_, [&reply] { return reply.has_value(); }));
        return reply.value_or(Reply{});
    }

    static constexpr std::uint64_t kInstance = 99;
    bus::MessageContext channel_{"/test", {{5, "overheat"}}, {}};
    BusClient server_{loop_, bus_.address()};
    BusClient client_{loop_, bus_.address()};
    std::function<void(sd_bus_message*)> handle_;

private:
    static Reply parse(sd_bus_message* message)
    {
        Reply reply{.signature = sd_bus_message_get_signature(message, 1),
                    .contents = text_of(message),
                    .sequences = {},
                    .next = 0,
                    .more = false,
                    .lost = 0,
                    .instance = 0};
        check(sd_bus_message_rewind(message, 1), "sd_bus_message_rewind");
        check(sd_bus_message_enter_container(message, 'a', "(sttuv)"), "sd_bus_message_enter_container");
        while (check(sd_bus_message_enter_container(message, 'r', "sttuv"), "sd_bus_message_enter_container") > 0) {
            std::uint64_t sequence = 0;
            check(sd_bus_message_skip(message, "s"), "sd_bus_message_skip");
            check(sd_bus_message_read(message, "t", &sequence), "sd_bus_message_read");
            check(sd_bus_message_skip(message, "tuv"), "sd_bus_message_skip");
            check(sd_bus_message_exit_container(message), "sd_bus_message_exit_container");
            reply.sequences.push_back(sequence);
        }
        check(sd_bus_message_exit_container(message), "sd_bus_message_exit_container");
        int more = 0;
        check(sd_bus_message_read(message, "tbtt", &reply.next, &more, &reply.lost, &reply.instance),
              "sd_bus_message_read");
        reply.more = more != 0;
        return reply;
    }
};

TEST_F(BusReplay, ReplyHasEventsAsSignalsHaveThem)
{
    channel_.format = format::Format::parse("u8 x");
    const std::string bytes = records({1}) + records({2}, 2);
    const Reply reply = get_events(bytes, 3, 1);
    EXPECT_EQ(reply.signature, "a(sttuv)tbtt");
    EXPECT_EQ(reply.contents, "a(sttuv)[(\"overheat\" t1 t77 u5 <a{sv}[{\"x\" <y120>}]>) "
                              "(\"mismatch\" t2 t77 u5 <ay[y120 y120]>)] t3 false t0 t99");
}

TEST_F(BusReplay, EventWhoseNameSdBusRefusesDoesNotPreventTheReply)
{
    channel_.event_names[5] = "bad\xef\xbf\xbename";  // U+FFFE
    channel_.format = format::Format::parse("u8 x");
    EXPECT_EQ(get_events(records({1, 3}), 4, 1).contents,
              "a(sttuv)[(\"5\" t1 t77 u5 <ay[y120]>) (\"5\" t3 t77 u5 <ay[y120]>)] t4 false t1 t99");
}

TEST_F(BusReplay, SinceZeroMeansSinceOne)
{
    const Reply reply = get_events(records({1, 2, 3}), 4, 0);
    EXPECT_THAT(reply.sequences, ElementsAre(1, 2, 3));
    EXPECT_EQ(reply.next, 4U);
    EXPECT_FALSE(reply.more);
    EXPECT_EQ(reply.lost, 0U);
}

TEST_F(BusReplay, MaxLimitsTheEvents)
{
    const Reply reply = get_events(records({4, 5, 6, 7}), 8, 4, 3);
    EXPECT_THAT(reply.sequences, ElementsAre(4, 5, 6));
    EXPECT_EQ(reply.next, 7U);
    EXPECT_TRUE(reply.more);
    EXPECT_EQ(reply.lost, 0U);
    EXPECT_FALSE(get_events(records({4, 5, 6}), 7, 4, 3).more);
}

TEST_F(BusReplay, ReplyHasAtMostThousandEvents)
{
    for (const std::uint32_t max : {0U, 1001U, UINT32_MAX}) {
        const Reply reply = get_events(records_from_to(1, 1001), 1002, 1, max);
        EXPECT_EQ(reply.sequences.size(), 1000U);
        EXPECT_EQ(reply.next, 1001U);
        EXPECT_TRUE(reply.more);
    }
}

TEST_F(BusReplay, ReplyHasAtMost128KibibytesOfRecords)
{
    constexpr std::size_t kHeader = 32;
    const Reply four = get_events(records({1, 2, 3, 4, 5}, 32768 - kHeader), 6, 1);
    EXPECT_THAT(four.sequences, ElementsAre(1, 2, 3, 4));
    EXPECT_TRUE(four.more);
    const Reply three = get_events(records({1, 2, 3, 4, 5}, 32776 - kHeader), 6, 1);
    EXPECT_THAT(three.sequences, ElementsAre(1, 2, 3));
    EXPECT_EQ(three.next, 4U);
}

TEST_F(BusReplay, ReplyHasOneOfTwoLargestRecords)
{
    const Reply reply = get_events(records({1, 2}, 65536), 3, 1);
    EXPECT_THAT(reply.sequences, ElementsAre(1));
    EXPECT_EQ(reply.next, 2U);
    EXPECT_TRUE(reply.more);
}

TEST_F(BusReplay, GapsAreCountedAsLost)
{
    const Reply reply = get_events(records({4, 5, 9}), 10, 2);
    EXPECT_THAT(reply.sequences, ElementsAre(4, 5, 9));
    EXPECT_EQ(reply.next, 10U);
    EXPECT_FALSE(reply.more);
    EXPECT_EQ(reply.lost, 5U) << "2, 3, 6, 7 and 8";
    EXPECT_EQ(reply.instance, kInstance);
}

TEST_F(BusReplay, LossOfAnUnknownNumberCountsAsOneLostEvent)
{
    const std::string loss = record({.sequence = 2, .flags = record::kLoss});
    const Reply reply = get_events(records({1}) + loss + records({3}), 4, 1);
    EXPECT_THAT(reply.sequences, ElementsAre(1, 3));
    EXPECT_EQ(reply.next, 4U);
    EXPECT_EQ(reply.lost, 1U);
    const Reply last = get_events(loss, 3, 2);
    EXPECT_THAT(last.sequences, IsEmpty());
    EXPECT_EQ(last.next, 3U);
    EXPECT_EQ(last.lost, 1U);
    EXPECT_FALSE(last.more);
}

TEST_F(BusReplay, AllEventsAreLostIfNoneIsHeld)
{
    const Reply reply = get_events("", 10, 4);
    EXPECT_THAT(reply.sequences, IsEmpty());
    EXPECT_EQ(reply.next, 10U);
    EXPECT_FALSE(reply.more);
    EXPECT_EQ(reply.lost, 6U);
}

TEST_F(BusReplay, ReplyIsEmptyAtTheNextSequence)
{
    const Reply reply = get_events("", 10, 10);
    EXPECT_THAT(reply.sequences, IsEmpty());
    EXPECT_EQ(reply.next, 10U);
    EXPECT_FALSE(reply.more);
    EXPECT_EQ(reply.lost, 0U);
}

TEST_F(BusReplay, IncompleteRecordEndsTheReply)
{
    const std::string bytes = records({1, 2});
    const Reply reply = get_events(bytes.substr(0, bytes.size() - 1), 3, 1);
    EXPECT_THAT(reply.sequences, ElementsAre(1));
    EXPECT_EQ(reply.next, 2U);
    EXPECT_TRUE(reply.more);
    EXPECT_EQ(reply.lost, 0U);
}

TEST_F(BusReplay, RecordOfANewInstanceEndsTheReply)
{
    const Reply reply = get_events(records({4, 5, 1, 2}), 6, 4);
    EXPECT_THAT(reply.sequences, ElementsAre(4, 5));
    EXPECT_EQ(reply.next, 6U);
    EXPECT_FALSE(reply.more);
    EXPECT_EQ(reply.lost, 0U);
}

TEST_F(BusReplay, ReplyOnAClosedConnectionIsASendError)
{
    bool refused = false;
    handle_ = [&](sd_bus_message* call) {
        sd_bus_close(server_.get());
        try {
            bus::reply_to_get_events(call, {channel_, {}, 1, kInstance}, 1, 0);
        } catch (const bus::SendError&) {
            refused = true;
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
            refused = true;
        }
    };
    client_.call(server_.unique_name(), "/test", "test.Interface", "GetEvents", [](sd_bus_message*) {});
    EXPECT_TRUE(turn_until(loop_, [&refused] { return refused; }));
}

TEST(MethodError, HasTheNameOfTheBusError)
{
    const bus::MethodError error("org.drvbus1.Error.OutOfRange", "the message");
    EXPECT_STREQ(error.name, "org.drvbus1.Error.OutOfRange");
    EXPECT_STREQ(error.what(), "the message");
}

}  // namespace
}  // namespace drvbus::test

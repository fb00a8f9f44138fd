// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The pump with a reader that the test controls, and a real bus with a real subscriber.
#include "channel/pump.hpp"

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/event_loop.hpp"
#include "base/log_limiter.hpp"
#include "support/private_bus.hpp"
#include "support/record.hpp"
#include "support/subscriber.hpp"
#include "turn.hpp"

namespace drvbus::test {
namespace {

using channel::FloodError;
using channel::FloodGuard;
using Result = channel::Pump::Result;

/// Returns the batches that the test has put in, then says that the device is drained.
class ScriptedReader final : public reader::Reader {
public:
    std::string pending;  ///< records that are not committed
    Status status_without_events = Status::drained;
    checkpoint::Progress committed;

    Batch read() override
    {
        if (pending.empty())
            return {status_without_events, {}};
        return {Status::events, as_bytes(pending)};
    }
    void commit(const checkpoint::Progress& progress) override
    {
        pending.erase(0, progress.record_bytes - committed.record_bytes);
        committed = progress;
    }
    void finish() override {}
    std::span<const std::byte> read_at(std::uint64_t /*since*/) override { return as_bytes(pending); }
    std::uint64_t next_sequence() override { return committed.next_sequence; }
    const char* loss_cause() const noexcept override { return "the test skipped them"; }
};

class Pump : public testing::Test {
protected:
    Pump()
    {
        connection_.request_name();
        auto reader = std::make_unique<ScriptedReader>();
        reader_ = reader.get();
        record::ChannelDescription description;
        description.name = "sensor";
        pump_.begin_checkpoint(description, 7, 0);
        pump_.set_reader(std::move(reader));
    }

    void add(std::uint64_t sequence) { reader_->pending += record({.sequence = sequence}, "x"); }

    /// Runs the pump, and the event loop until the bus has taken everything.
    Result run(std::uint64_t flood_limit = 0)
    {
        const Result result = pump_.run(guard_, flood_limit, readable_);
        EXPECT_TRUE(turn_until(loop_, [&] { return connection_.is_flushed(); }));
        pump_.commit_published();
        return result;
    }

    PrivateBus bus_;
    const int environment_ = setenv("DBUS_SESSION_BUS_ADDRESS", bus_.address().c_str(), 1);
    EventLoop loop_;
    bus::Connection connection_{loop_, bus::BusType::session, bus::Start::fresh, {[] {}, [] {}, [] {}}};
    bus::Publisher publisher_{connection_};
    channel::Totals totals_;
    int commits_ = 0;
    int instances_ = 0;
    LogLimiter log_{loop_};
    channel::Pump pump_{"sensor", connection_, publisher_,
                        totals_,  log_,        {[this] { ++commits_; }, [this] { ++instances_; }}};
    ScriptedReader* reader_ = nullptr;
    FloodGuard guard_;
    std::function<bool()> readable_ = [] { return false; };
    Subscriber subscriber_{"sensor", bus_.address()};
};

TEST_F(Pump, EventsArePublishedInOrderAndCommitted)
{
    for (const std::uint64_t sequence : {1U, 2U, 3U})
        add(sequence);
    EXPECT_EQ(run(), Result::drained);
    ASSERT_TRUE(subscriber_.wait_for(3));
    EXPECT_EQ(subscriber_.received().gaps(3), "");
    EXPECT_EQ(reader_->committed.next_sequence, 4U);
    EXPECT_EQ(pump_.checkpoint()->progress().published, 3U);
    EXPECT_EQ(totals_.published, 3U);
    EXPECT_GT(commits_, 0);
}

TEST_F(Pump, SkippedSequencesArePublishedAsLost)
{
    add(1);
    add(5);
    EXPECT_EQ(run(), Result::drained);
    ASSERT_TRUE(subscriber_.wait_for(5));
    const Received received = subscriber_.received();
    EXPECT_EQ(received.gaps(5), "");
    ASSERT_EQ(received.lost.size(), 1U);
    EXPECT_EQ(received.lost[0].first, 2U);
    EXPECT_EQ(received.lost[0].count, 3U);
    EXPECT_EQ(totals_.lost, 3U);
}

TEST_F(Pump, LossOfAnUnknownNumberOfEventsIsAnnounced)
{
    add(1);
    reader_->pending += record({.sequence = 2, .flags = record::kLoss});
    add(3);
    EXPECT_EQ(run(), Result::drained);
    ASSERT_TRUE(subscriber_.wait_for(3));
    const Received received = subscriber_.received();
    EXPECT_EQ(received.gaps(3), "");
    ASSERT_EQ(received.lost.size(), 1U);
    EXPECT_EQ(received.lost[0].first, 2U);
    EXPECT_EQ(received.lost[0].count, 0U);
    EXPECT_EQ(totals_.published, 2U);
    EXPECT_EQ(totals_.lost, 1U);
    EXPECT_EQ(pump_.sent().next_sequence, 4U);
}

TEST_F(Pump, SequenceThatGoesBackBeginsAnotherInstance)
{
    add(8);
    ASSERT_EQ(run(), Result::drained);
    const std::uint64_t first_instance = pump_.sent().instance;
    add(1);
    EXPECT_EQ(run(), Result::drained);
    EXPECT_EQ(instances_, 1);
    EXPECT_NE(pump_.sent().instance, first_instance);
    EXPECT_EQ(pump_.sent().previous, (checkpoint::InstancePosition{first_instance, 9}));
}

TEST_F(Pump, OneRunPublishesALimitedShare)
{
    for (std::uint64_t sequence = 1; sequence <= 2000; ++sequence)
        add(sequence);
    EXPECT_NE(run(), Result::drained);  // more, or bus_busy if the bus was slower than the pump
    const std::uint64_t published = pump_.sent().published;
    EXPECT_GT(published, 0U);
    EXPECT_LT(published, 2000U);
    while (run() != Result::drained) {
    }
    ASSERT_TRUE(subscriber_.wait_for(2000));
    EXPECT_EQ(subscriber_.received().gaps(2000), "");
}

TEST_F(Pump, BusyBusStopsThePumpWithoutACommit)
{
    bus_.stop();
    // More than the sockets between the pump and the bus hold.
    for (std::uint64_t sequence = 1; sequence <= 20'000; ++sequence)
        reader_->pending += record({.sequence = sequence}, std::string(1000, 'x'));
    Result result = Result::more;
    while (result == Result::more)
        result = pump_.run(guard_, 0, readable_);
    EXPECT_EQ(result, Result::bus_busy);
    EXPECT_LT(pump_.checkpoint()->progress().next_sequence, pump_.sent().next_sequence);
    bus_.resume();
    EXPECT_TRUE(turn_until(loop_, [&] { return connection_.is_flushed(); }));
}

TEST_F(Pump, RewindForgetsWhatWasNotCommitted)
{
    bus_.stop();
    for (std::uint64_t sequence = 1; sequence <= 20'000; ++sequence)
        reader_->pending += record({.sequence = sequence}, std::string(1000, 'x'));
    while (pump_.run(guard_, 0, readable_) == Result::more) {
    }
    pump_.rewind();
    EXPECT_EQ(pump_.sent(), pump_.checkpoint()->progress());
    bus_.resume();
    EXPECT_TRUE(turn_until(loop_, [&] { return connection_.is_flushed(); }));
}

TEST_F(Pump, BytesThatAreNoRecordAreAnError)
{
    reader_->pending = std::string(64, '\xff');
    EXPECT_THROW((void)pump_.run(guard_, 0, readable_), std::runtime_error);
    EXPECT_EQ(pump_.sent().published, 0U);
}

TEST_F(Pump, FloodLimitEndsTheRun)
{
    for (const std::uint64_t sequence : {1U, 2U, 3U})
        add(sequence);
    EXPECT_THROW((void)pump_.run(guard_, 3, readable_), FloodError);
    EXPECT_TRUE(turn_until(loop_, [&] { return connection_.is_flushed(); }));
    pump_.commit_published();
    ASSERT_TRUE(subscriber_.wait_for(3)) << "the events before the limit are published";
}

TEST_F(Pump, SpuriousReadinessIsAnErrorOnlyWhenRepeated)
{
    int asked = 0;
    readable_ = [&asked] { return ++asked == 1; };
    EXPECT_EQ(run(), Result::drained) << "the input may have arrived after the read";
    readable_ = [] { return true; };
    EXPECT_THROW((void)pump_.run(guard_, 0, readable_), std::runtime_error);
}

TEST_F(Pump, FinalPositionIsKnownOnlyAtTheEnd)
{
    add(1);
    ASSERT_EQ(run(), Result::drained);
    EXPECT_EQ(pump_.final_position(), checkpoint::InstancePosition{});
    reader_->status_without_events = reader::Reader::Status::input_ended;
    EXPECT_EQ(run(), Result::input_ended);
    EXPECT_EQ(pump_.final_position(), (checkpoint::InstancePosition{7, 2}));
}

TEST_F(Pump, ReplayOfAFutureEventIsOutOfRange)
{
    add(1);
    ASSERT_EQ(run(), Result::drained);
    try {
        (void)pump_.replay(3);
        FAIL() << "no error";
    } catch (const bus::MethodError& error) {
        EXPECT_STREQ(error.name, "org.drvbus1.Error.OutOfRange");
    }
    EXPECT_EQ(pump_.replay(2).next_sequence, 2U);
}

}  // namespace
}  // namespace drvbus::test

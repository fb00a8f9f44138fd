// SPDX-License-Identifier: LGPL-2.1-or-later
#include "reader/reader.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/drvbus.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "reading.hpp"
#include "received_event.hpp"
#include "record/record.hpp"
#include "support/io.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

using checkpoint::Checkpoint;
using reader::Reader;
using record::Framing;
using testing::ElementsAre;
using testing::HasSubstr;
using Status = reader::Reader::Status;

constexpr Framing kRecords{.kind = Framing::Kind::records};
constexpr Framing kRaw{.kind = Framing::Kind::raw};

class RecordStream : public testing::Test {
protected:
    void send(std::string_view bytes) const { write_all(pipe_.write_end.get(), bytes); }

    Pipe pipe_;
    Reading reader_{pipe_.read_end.get(), kRecords};
};

TEST_F(RecordStream, NewReaderIsEmpty)
{
    EXPECT_EQ(reader_.read().status, Status::drained);
}

TEST_F(RecordStream, FlagsThatOnlyTheDaemonSetsAreCleared)
{
    send(record({.flags = UINT32_MAX}, "first"));
    const record::Record found = record::parse_record(reader_.read().records);
    ASSERT_EQ(found.state, record::Record::State::complete);
    EXPECT_EQ(found.event.flags, ~record::kDaemonFlags);
}

TEST_F(RecordStream, TimeDoesNotRunBackwardsEvenAfterARestart)
{
    constexpr std::uint64_t kFuture = UINT64_MAX / 2;
    const auto times = [](Reading& reading) {
        std::vector<std::uint64_t> found;
        const Reader::Batch batch = reading.read();
        for (std::span<const std::byte> rest = batch.records; !rest.empty();) {
            const record::Record record = record::parse_record(rest);
            found.push_back(record.event.time_ns);
            rest = rest.subspan(record.size);
        }
        reading.commit(9, batch.records.size());
        return found;
    };
    send(record({.sequence = 1, .time_ns = 20}) + record({.sequence = 2, .time_ns = 10}) +
         record({.sequence = 3, .time_ns = 0}) + record({.sequence = 4, .time_ns = 30}));
    EXPECT_THAT(times(reader_), ElementsAre(20, 20, 0, 30)) << "0 means that the device gives no time";
    Reading next = reader_.restarted(pipe_.read_end.get(), kRecords);
    send(record({.sequence = 5, .time_ns = 29}) + record({.sequence = 6, .time_ns = kFuture}));
    const std::vector<std::uint64_t> later = times(next);
    EXPECT_EQ(later.at(0), 30U);
    EXPECT_LT(later.at(1), kFuture);
}

TEST_F(RecordStream, FirstEventOfAnotherInstanceIsLaterThanTheLastOne)
{
    send(record({.sequence = 7, .time_ns = 20}) + record({.sequence = 1, .time_ns = 10}));
    const std::span<const std::byte> records = reader_.read().records;
    const record::Record last = record::parse_record(records);
    EXPECT_EQ(last.event.time_ns, 20U);
    EXPECT_EQ(record::parse_record(records.subspan(last.size)).event.time_ns, 21U);
}

TEST_F(RecordStream, RecordsSplitAnywhereAreCompleted)
{
    const std::string bytes = record({.sequence = 1}, "first one") + record({.sequence = 2}, "second");
    const std::size_t first_size = record({.sequence = 1}, "first one").size();
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        const Pipe pipe;
        Reading reader(pipe.read_end.get(), kRecords);
        write_all(pipe.write_end.get(), std::string_view(bytes).substr(0, cut));
        std::vector<ReceivedEvent> read = reader.read_all();
        ASSERT_EQ(read.size(), cut == bytes.size() ? 2U : cut >= first_size ? 1U : 0U) << "cut at " << cut;
        write_all(pipe.write_end.get(), std::string_view(bytes).substr(cut));
        for (const ReceivedEvent& late : reader.read_all())
            read.push_back(late);
        ASSERT_THAT(read, ElementsAre(ReceivedEvent{1, "first one"}, ReceivedEvent{2, "second"})) << "cut at " << cut;
    }
}

TEST_F(RecordStream, SingleBytesAreCompletedToRecords)
{
    const std::string bytes = record({.sequence = 5}, "slowly");
    for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
        send(bytes.substr(i, 1));
        ASSERT_EQ(reader_.read().status, Status::drained);
    }
    send(bytes.substr(bytes.size() - 1));
    EXPECT_THAT(reader_.read_all(), ElementsAre(ReceivedEvent{5, "slowly"}));
}

TEST_F(RecordStream, OneReadReturnsAllInput)
{
    std::string bytes;
    for (std::uint64_t i = 1; i <= 100; ++i)
        bytes += record({.sequence = i}, std::to_string(i));
    send(bytes);
    const Reader::Batch batch = reader_.read();
    ASSERT_EQ(batch.status, Status::events);
    EXPECT_EQ(as_text(batch.records), bytes);
}

TEST_F(RecordStream, UncommittedRecordsAreReturnedAgain)
{
    send(record({.sequence = 1}, "one") + record({.sequence = 2}, "two"));
    const std::vector<ReceivedEvent> both{{1, "one"}, {2, "two"}};
    EXPECT_EQ(events_in(reader_.read()), both);
    EXPECT_EQ(events_in(reader_.read()), both);

    send(record({.sequence = 3}, "three"));
    EXPECT_EQ(events_in(reader_.read()), both);

    reader_.commit(2, record({.sequence = 1}, "one").size());
    EXPECT_THAT(reader_.read_all(), ElementsAre(ReceivedEvent{2, "two"}, ReceivedEvent{3, "three"}));
    EXPECT_EQ(reader_.read().status, Status::drained);
}

TEST_F(RecordStream, LargestRecordsAreRead)
{
    const std::string payload(DRVBUS_PAYLOAD_MAX, 'x');
    for (std::uint64_t i = 1; i <= 3; ++i) {
        // More than a pipe holds, so it is read while it is written.
        const std::string bytes = record({.sequence = i}, payload);
        send(std::string_view(bytes).substr(0, bytes.size() / 2));
        ASSERT_TRUE(reader_.read_all().empty());
        send(std::string_view(bytes).substr(bytes.size() / 2));
        ASSERT_THAT(reader_.read_all(), ElementsAre(ReceivedEvent{i, payload}));
    }
}

TEST_F(RecordStream, LargestRecordIsReadAtOnce)
{
    const std::string payload(DRVBUS_PAYLOAD_MAX, 'x');
    must(fcntl(pipe_.write_end.get(), F_SETPIPE_SZ, 4 * DRVBUS_PAYLOAD_MAX), "F_SETPIPE_SZ");
    send(record({.sequence = 1}, payload));
    EXPECT_THAT(events_in(reader_.read()), ElementsAre(ReceivedEvent{1, payload}));
}

TEST_F(RecordStream, RecordsBeforeMalformedBytesAreReturned)
{
    send(record({.sequence = 1}, "good") + record_header({.sequence = 0}, 0));
    EXPECT_THAT(events_in(reader_.read()), ElementsAre(ReceivedEvent{1, "good"}));
    reader_.commit(2, record({.sequence = 1}, "good").size());
    try {
        (void)reader_.read();
        FAIL() << "no error was reported";
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("set records = \"raw\""));
    }
}

TEST_F(RecordStream, FifoContinuesWithItsNextWriter)
{
    send(record({.sequence = 1}, "from the first writer"));
    pipe_.write_end.reset();
    EXPECT_THAT(reader_.read_all(), ElementsAre(ReceivedEvent{1, "from the first writer"}));
    EXPECT_EQ(reader_.read().status, Status::drained);

    pipe_.write_end.reset(
        must(open(("/proc/self/fd/" + std::to_string(pipe_.read_end.get())).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC),
             "open the pipe again"));
    send(record({.sequence = 2}, "from the second writer"));
    EXPECT_THAT(reader_.read_all(), ElementsAre(ReceivedEvent{2, "from the second writer"}));
}

TEST_F(RecordStream, NextProcessContinuesAtThePosition)
{
    send(record({.sequence = 1}, "one") + record({.sequence = 2}, "two") +
         record({.sequence = 3}, "three").substr(0, 20));
    (void)reader_.read();
    reader_.commit(2, record({.sequence = 1}, "one").size());

    Reading next = reader_.restarted(pipe_.read_end.get(), kRecords);
    EXPECT_EQ(next.checkpoint().progress().next_sequence, 2U);
    EXPECT_EQ(next.checkpoint().description().name, "sensor");
    send(record({.sequence = 3}, "three").substr(20));
    EXPECT_THAT(next.read_all(), ElementsAre(ReceivedEvent{2, "two"}, ReceivedEvent{3, "three"}));
}

/// Leaves the checkpoint as a process does that is killed right after read(), before it records the input. All of the
/// input is found if its last byte is 0, which the pattern never contains.
void die_after_read(Checkpoint& checkpoint, int fd)
{
    const std::uint64_t begin = checkpoint.replay_log().framing_progress().staging_begin;
    const std::span<std::byte> space = checkpoint.staging_area().free_space(begin);
    must(static_cast<int>(::read(fd, space.data(), space.size())), "read");
}

TEST_F(RecordStream, InputReadByAKilledProcessIsNotLost)
{
    send(record({.sequence = 1}, "one"));
    ASSERT_THAT(reader_.read_all(), ElementsAre(ReceivedEvent{1, "one"}));
    const std::string third = record({.sequence = 3}, "three");
    send(record({.sequence = 2}, "two") + third.substr(0, 20));
    die_after_read(reader_.checkpoint(), pipe_.read_end.get());

    Reading next = reader_.restarted(pipe_.read_end.get(), kRecords);
    send(third.substr(20));
    EXPECT_THAT(next.read_all(), ElementsAre(ReceivedEvent{2, "two"}, ReceivedEvent{3, "three"}));

    // Only once: another process finds no input.
    Reading after = next.restarted(pipe_.read_end.get(), kRecords);
    send(record({.sequence = 4}, "four"));
    EXPECT_THAT(after.read_all(), ElementsAre(ReceivedEvent{4, "four"}));
}

TEST_F(RecordStream, FirstInputReadByAKilledProcessIsNotLost)
{
    const std::string payload = std::string(DRVBUS_PAYLOAD_MAX - sizeof(drvbus_record) - 1, 'p') + '\0';
    const std::string bytes = record({.sequence = 1}, payload);
    must(fcntl(pipe_.write_end.get(), F_SETPIPE_SZ, 4 * DRVBUS_PAYLOAD_MAX), "F_SETPIPE_SZ");
    send(bytes);
    die_after_read(reader_.checkpoint(), pipe_.read_end.get());
    EXPECT_THAT(reader_.restarted(pipe_.read_end.get(), kRecords).read_all(), ElementsAre(ReceivedEvent{1, payload}));
}

TEST_F(RecordStream, DiscardedInputIsNotFramed)
{
    send(record({.sequence = 1}, "one") + "rest of something");
    ASSERT_THAT(reader_.read_all(), ElementsAre(ReceivedEvent{1, "one"}));
    reader_.checkpoint().discard_staged();
    Reading next = reader_.restarted(pipe_.read_end.get(), kRecords);
    send(record({.sequence = 2}, "two"));
    EXPECT_THAT(next.read_all(), ElementsAre(ReceivedEvent{2, "two"}));
}

TEST_F(RecordStream, PublishedRecordsAreKeptWhileThereIsRoom)
{
    const std::string payload(10000, 'p');
    for (std::uint64_t i = 1; i <= 100; ++i) {
        send(record({.sequence = i}, payload));
        ASSERT_THAT(reader_.read_all(), ElementsAre(ReceivedEvent{i, payload}));
        const std::vector<ReceivedEvent> kept = events_in({Status::events, reader_.reader().read_at(0)});
        ASSERT_FALSE(kept.empty());
        ASSERT_EQ(kept.back().sequence, i);
        for (std::size_t at = 0; at < kept.size(); ++at)
            ASSERT_EQ(kept[at].sequence, i + 1 - kept.size() + at) << "a record is missing";
        ASSERT_GE(kept.size(), std::min<std::size_t>(i, 19)) << "the replay log of 256 KiB keeps less than 190 kB";
    }
    EXPECT_EQ(events_in({Status::events, reader_.reader().read_at(95)}).front().sequence, 95U);
    EXPECT_TRUE(reader_.reader().read_at(101).empty());
}

TEST_F(RecordStream, FinishedReaderReadsNoInput)
{
    send(record({.sequence = 1}, "one"));
    (void)reader_.read();
    send(record({.sequence = 2}, "two"));
    reader_.reader().finish();
    EXPECT_THAT(reader_.read_all(), ElementsAre(ReceivedEvent{1, "one"}));
    EXPECT_EQ(reader_.read().status, Status::input_ended);
}

TEST(CheckpointOfAnotherRelease, IsRefused)
{
    const UniqueFd small(must(memfd_create("small", MFD_CLOEXEC), "memfd_create"));
    EXPECT_THROW((void)Checkpoint::adopt(UniqueFd(must(dup(small.get()), "dup"))), std::runtime_error);

    const Checkpoint checkpoint = Checkpoint::create(sensor(), 1);
    must(static_cast<int>(pwrite(checkpoint.fd(), "drvbusL0", 8, 0)), "pwrite");
    EXPECT_THROW((void)Checkpoint::adopt(UniqueFd(must(dup(checkpoint.fd()), "dup"))), std::runtime_error);
}

TEST(InputReader, SocketEndsAfterItsLastEvent)
{
    for (const Framing framing : {kRecords, kRaw}) {
        SocketPair sockets;
        Reading reader(sockets.theirs.get(), framing);
        write_all(sockets.ours.get(), record({.sequence = 1}, "last words"));
        sockets.ours.reset();
        EXPECT_EQ(reader.read_all().size(), 1U);
        EXPECT_EQ(reader.read().status, Status::input_ended);
        EXPECT_EQ(reader.read().status, Status::input_ended);
    }
}

TEST(InputReader, ErrorOfTheDeviceIsReported)
{
    for (const Framing framing : {kRecords, kRaw}) {
        const UniqueFd directory(must(open("/", O_RDONLY | O_CLOEXEC), "open"));
        Reading reader(directory.get(), framing);
        try {
            (void)reader.read();
            FAIL() << "reading a directory succeeded";
        } catch (const std::system_error& error) {
            EXPECT_EQ(error.code(), std::errc::is_a_directory);
            EXPECT_THAT(error.what(), HasSubstr("reading the device"));
        }
    }
}

std::uint64_t monotonic_ns()
{
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

TEST(RawStream, EachReadIsANumberedAndTimestampedEvent)
{
    const UniqueFd counter(must(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd"));
    Reading reader(counter.get(), kRaw);
    EXPECT_EQ(reader.read().status, Status::drained);

    for (std::uint64_t i = 1; i <= 5; ++i) {
        const std::uint64_t before = monotonic_ns();
        must(eventfd_write(counter.get(), 10 * i), "eventfd_write");
        const Reader::Batch batch = reader.read();
        ASSERT_EQ(batch.status, Status::events);
        const record::Record found = record::parse_record(batch.records);
        ASSERT_EQ(found.state, record::Record::State::complete);
        EXPECT_EQ(found.size, batch.records.size());
        EXPECT_EQ(found.event.sequence, i);
        EXPECT_EQ(found.event.id, 0U);
        EXPECT_EQ(found.event.flags, 0U);
        EXPECT_EQ(as_text(found.event.payload), packed(std::uint64_t{10 * i}));
        EXPECT_GE(found.event.time_ns, before);
        EXPECT_LE(found.event.time_ns, monotonic_ns());
        reader.commit(i + 1, batch.records.size());
        EXPECT_EQ(reader.read().status, Status::drained);
    }
}

TEST(RawStream, UncommittedEventIsReturnedAgainBeforeMoreInputIsRead)
{
    const Pipe pipe;
    Reading reader(pipe.read_end.get(), kRaw);
    write_all(pipe.write_end.get(), "one");
    EXPECT_THAT(events_in(reader.read()), ElementsAre(ReceivedEvent{1, "one"}));
    write_all(pipe.write_end.get(), "two");
    EXPECT_THAT(events_in(reader.read()), ElementsAre(ReceivedEvent{1, "one"}));
    reader.commit(1, 0);  // nothing was published
    EXPECT_THAT(reader.read_all(), ElementsAre(ReceivedEvent{1, "one"}, ReceivedEvent{2, "two"}));
}

TEST(RawStream, InputReadByAKilledProcessIsNotLost)
{
    const Pipe pipe;
    auto reader = std::make_unique<Reading>(pipe.read_end.get(), kRaw);
    std::uint64_t sequence = 0;
    for (std::string payload : {"first", "and a longer one", ""}) {
        payload += '\0';
        write_all(pipe.write_end.get(), payload);
        die_after_read(reader->checkpoint(), pipe.read_end.get());
        reader.reset(new Reading(reader->restarted(pipe.read_end.get(), kRaw)));
        ASSERT_THAT(reader->read_all(), ElementsAre(ReceivedEvent{++sequence, payload}));
    }
}

TEST(RawStream, PayloadsOfAnyLengthArePadded)
{
    const Pipe pipe;
    Reading reader(pipe.read_end.get(), kRaw);
    for (std::uint64_t length = 1; length <= 17; ++length) {
        const std::string payload(length, 'p');
        write_all(pipe.write_end.get(), payload);
        const Reader::Batch batch = reader.read();
        ASSERT_EQ(as_text(batch.records).substr(sizeof(drvbus_record)),
                  record({}, payload).substr(sizeof(drvbus_record)));
        ASSERT_EQ(events_in(batch), (std::vector<ReceivedEvent>{{length, payload}}));
        reader.commit(length + 1, batch.records.size());
    }
}

TEST(RawStream, ReadIsLimitedToTheLargestPayload)
{
    const Pipe pipe;
    must(fcntl(pipe.write_end.get(), F_SETPIPE_SZ, 4 * DRVBUS_PAYLOAD_MAX), "F_SETPIPE_SZ");
    Reading reader(pipe.read_end.get(), kRaw);
    write_all(pipe.write_end.get(), std::string(DRVBUS_PAYLOAD_MAX, 'a') + "rest");
    EXPECT_THAT(reader.read_all(),
                ElementsAre(ReceivedEvent{1, std::string(DRVBUS_PAYLOAD_MAX, 'a')}, ReceivedEvent{2, "rest"}));
}

TEST(FrameStream, MuchInputThatIsNoFrameTakesSeveralTurns)
{
    const Pipe pipe;
    const Framing framing{.kind = Framing::Kind::frames,
                          .start = record::Marker::of("<"),
                          .frame = {.added = 4, .checksum = record::checksum_called("sum8").value()}};
    Reading reading(pipe.read_end.get(), framing);
    write_all(pipe.write_end.get(), std::string(1000, '<'));
    int turns = 0;
    for (; reading.read().status == Status::events; ++turns)
        EXPECT_TRUE(reading.read().records.empty());
    EXPECT_GT(turns, 10);
    EXPECT_EQ(reading.checkpoint().framing_errors(), 1U);
    write_all(pipe.write_end.get(), "<ab\xff");
    EXPECT_THAT(reading.read_all(), ElementsAre(ReceivedEvent{1, "ab"}));
}

}  // namespace
}  // namespace drvbus::test

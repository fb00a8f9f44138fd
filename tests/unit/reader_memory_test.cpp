// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The memory of a checkpoint grows with the input that it holds.
#include <cstdint>
#include <memory>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/drvbus.h>
#include <sys/stat.h>

#include "reading.hpp"
#include "support/io.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

using testing::ElementsAre;

constexpr record::Framing kRecordFraming{.kind = record::Framing::Kind::records};
constexpr record::Framing kRawFraming{.kind = record::Framing::Kind::raw};

/// Bytes of memory of the checkpoint.
blkcnt_t memory_of(const checkpoint::Checkpoint& checkpoint)
{
    struct stat status {};
    must(fstat(checkpoint.fd(), &status), "fstat");
    return status.st_blocks * 512;
}

TEST(Memory, ReadOfAByteStreamNeedsLittleAtFirst)
{
    const Pipe pipe;
    must(fcntl(pipe.write_end.get(), F_SETPIPE_SZ, 4 * DRVBUS_PAYLOAD_MAX), "F_SETPIPE_SZ");
    Reading reader(pipe.read_end.get(), kRecordFraming);
    EXPECT_EQ(reader.read().status, reader::Reader::Status::drained);
    EXPECT_LE(memory_of(reader.checkpoint()), 2 * 4096) << "bytes: the header and one page";
    const std::string payload(DRVBUS_PAYLOAD_MAX, 'p');
    write_all(pipe.write_end.get(), record({.sequence = 1}, payload) + record({.sequence = 2}, payload));
    EXPECT_THAT(reader.read_all(), ElementsAre(ReceivedEvent{1, payload}, ReceivedEvent{2, payload}));
}

// An incomplete event is kept, wherever it is in the ring, and what the next process finds is what was read.
TEST(Memory, ReleaseKeepsInput)
{
    const Pipe pipe;
    auto reader = std::make_unique<Reading>(pipe.read_end.get(), kRecordFraming);
    reader->checkpoint().release_free_space();
    EXPECT_LE(memory_of(reader->checkpoint()), 4096) << "bytes: the header";
    for (std::uint64_t sequence = 1; sequence <= 100; ++sequence) {
        const std::string payload(sequence * 97, static_cast<char>('a' + sequence % 26));
        const std::string bytes = record({.sequence = sequence}, payload);
        write_all(pipe.write_end.get(), bytes.substr(0, bytes.size() / 2));
        ASSERT_EQ(reader->read().status, reader::Reader::Status::drained);
        reader->checkpoint().release_free_space();
        Reading next = reader->restarted(pipe.read_end.get(), kRecordFraming);
        write_all(pipe.write_end.get(), bytes.substr(bytes.size() / 2));
        ASSERT_THAT(next.read_all(), ElementsAre(ReceivedEvent{sequence, payload}));
        next.checkpoint().release_free_space();
        reader.reset(new Reading(next.restarted(pipe.read_end.get(), kRecordFraming)));
    }
}

TEST(Memory, ReadOfCompleteEventsReleasesItsBuffer)
{
    const Pipe pipe;
    Reading reader(pipe.read_end.get(), kRawFraming);
    const auto before = memory_of(reader.checkpoint());
    EXPECT_EQ(reader.read().status, reader::Reader::Status::drained);
    EXPECT_GE(memory_of(reader.checkpoint()), before + DRVBUS_PAYLOAD_MAX);
    reader.checkpoint().release_free_space();
    EXPECT_LE(memory_of(reader.checkpoint()), 4096);
    const std::string payload(DRVBUS_PAYLOAD_MAX, 'p');
    write_all(pipe.write_end.get(), payload);
    EXPECT_THAT(reader.read_all(), ElementsAre(ReceivedEvent{1, payload}));
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string>
#include <system_error>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reader/reader.hpp"
#include "received_event.hpp"
#include "support/io.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

using reader::make_ring_reader;
using reader::Reader;
using testing::ElementsAre;
using testing::HasSubstr;
using Status = reader::Reader::Status;

// A regular file takes the place of the node, so that the system calls can be checked. The VM tests cover the kernel's
// side.
class Ring : public testing::Test {
protected:
    [[nodiscard]] off_t position() const { return must(static_cast<int>(lseek(file_.get(), 0, SEEK_CUR)), "lseek"); }

    static checkpoint::Progress at(std::uint64_t sequence) { return {.next_sequence = sequence}; }

    UniqueFd file_{must(memfd_create("ring", MFD_CLOEXEC), "memfd_create")};
};

TEST_F(Ring, ReadAtPositionDoesNotMoveIt)
{
    const std::string bytes = record({.sequence = 7}, "seven");
    must(static_cast<int>(pwrite(file_.get(), bytes.data(), bytes.size(), 7)), "pwrite");
    const auto reader = make_ring_reader(file_.get(), at(7));
    for (int again = 0; again < 2; ++again) {
        const Reader::Batch batch = reader->read();
        ASSERT_EQ(batch.status, Status::events);
        EXPECT_THAT(events_in(batch), ElementsAre(ReceivedEvent{7, "seven"}));
        EXPECT_EQ(position(), 7);
    }
}

TEST_F(Ring, CommitMovesThePositionToTheNextSequence)
{
    const std::string bytes = record({.sequence = 40}, "forty");
    must(static_cast<int>(pwrite(file_.get(), bytes.data(), bytes.size(), 40)), "pwrite");
    const auto reader = make_ring_reader(file_.get(), at(1));
    reader->commit(at(40));
    EXPECT_EQ(position(), 40);
    EXPECT_THAT(events_in(reader->read()), ElementsAre(ReceivedEvent{40, "forty"}));
}

TEST_F(Ring, ReadEndsWhenTheChannelIsRemoved)
{
    EXPECT_EQ(make_ring_reader(file_.get(), at(1))->read().status, Status::input_ended);
}

TEST_F(Ring, ErrorOfTheDeviceIsReported)
{
    const Pipe pipe;
    EXPECT_THROW((void)make_ring_reader(pipe.read_end.get(), at(1)), std::system_error);

    const UniqueFd memory(must(open("/proc/self/mem", O_RDONLY | O_CLOEXEC), "open"));
    const auto reader = make_ring_reader(memory.get(), at(1));  // nothing is mapped there
    try {
        (void)reader->read();
        FAIL() << "reading /proc/self/mem at an unmapped address succeeded";
    } catch (const std::system_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("reading the channel"));
    }
}

TEST_F(Ring, ReplayDoesNotMoveThePosition)
{
    const std::string bytes = record({.sequence = 3}, "three");
    must(static_cast<int>(pwrite(file_.get(), bytes.data(), bytes.size(), 3)), "pwrite");
    const auto reader = make_ring_reader(file_.get(), at(50));
    EXPECT_EQ(as_text(reader->read_at(3)), bytes);
    EXPECT_TRUE(reader->read_at(50).empty());
    EXPECT_EQ(position(), 50);
}

TEST_F(Ring, FinishedReaderReturnsNoLaterEvents)
{
    const std::string bytes = record({.sequence = 7}, "seven");
    must(static_cast<int>(pwrite(file_.get(), bytes.data(), bytes.size(), 7)), "pwrite");
    const auto reader = make_ring_reader(file_.get(), at(7));
    reader->finish();
    EXPECT_EQ(reader->read().status, Status::input_ended);
}

}  // namespace
}  // namespace drvbus::test

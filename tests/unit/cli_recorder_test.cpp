// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/recorder.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "support/io.hpp"
#include "support/process.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

using namespace std::chrono_literals;

using cli::Clocks;
using cli::Recorder;
using cli::Recording;

class RecorderTest : public testing::Test {
protected:
    RecorderTest() { sigprocmask(SIG_SETMASK, nullptr, &mask_); }
    ~RecorderTest() override { sigprocmask(SIG_SETMASK, &mask_, nullptr); }

    /// A clock that advances by a second each time it is read.
    Clocks now() { return {.monotonic = ++seconds_ * 1'000'000'000, .realtime = seconds_ * 1'000'000'000 + 7}; }

    Recording record(int fd, std::chrono::seconds duration = 3600s)
    {
        return Recorder(fd, [this] { return now(); })
            .record(duration, [this](std::chrono::nanoseconds since, std::span<const std::byte> bytes) {
                shown_.push_back(std::to_string(since.count()) + " " + as_text(bytes));
                if (on_read_)
                    on_read_();
            });
    }

    std::uint64_t seconds_ = 0;
    std::vector<std::string> shown_;
    std::function<void()> on_read_;

private:
    sigset_t mask_{};
};

TEST_F(RecorderTest, EachReadHasItsTimeAndBytes)
{
    Pipe pipe;
    write_all(pipe.write_end.get(), "one");
    on_read_ = [&] {
        if (shown_.size() == 1)
            write_all(pipe.write_end.get(), "two!");
        else
            pipe.write_end.reset();
    };
    const Recording recording = record(pipe.read_end.get());
    EXPECT_EQ(recording.end, Recording::End::end_of_file);
    EXPECT_EQ(recording.count, 2U);
    EXPECT_EQ(recording.bytes, 7U);
    EXPECT_EQ(as_text(recording.joined()), "onetwo!");
    ASSERT_EQ(recording.reads.size(), 2U);
    // The clock is read at the start, before each wait and after each read.
    EXPECT_EQ(recording.reads[0].time, (Clocks{3'000'000'000, 3'000'000'007}));
    EXPECT_EQ(recording.reads[1].time, (Clocks{5'000'000'000, 5'000'000'007}));
    EXPECT_EQ(shown_, (std::vector<std::string>{"2000000000 one", "4000000000 two!"}));
}

TEST_F(RecorderTest, EndsWhenTheTimeIsOver)
{
    Pipe pipe;
    write_all(pipe.write_end.get(), "one");
    const Recording recording = record(pipe.read_end.get(), 3s);
    EXPECT_EQ(recording.end, Recording::End::timeout);
    EXPECT_EQ(recording.count, 1U);
}

TEST_F(RecorderTest, EndsAtASignal)
{
    Pipe pipe;
    write_all(pipe.write_end.get(), "one");
    on_read_ = [] { raise(SIGINT); };
    const Recording recording = record(pipe.read_end.get());
    EXPECT_EQ(recording.end, Recording::End::interrupted);
    EXPECT_EQ(recording.count, 1U);
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    EXPECT_EQ(sigwaitinfo(&interrupt, nullptr), SIGINT);
}

TEST_F(RecorderTest, EndsAtTheEndOfAFile)
{
    const TemporaryDirectory directory;
    const UniqueFd file(open(directory.file("file", "text").c_str(), O_RDONLY | O_CLOEXEC));
    const Recording recording = record(file.get());
    EXPECT_EQ(recording.end, Recording::End::end_of_file);
    EXPECT_EQ(as_text(recording.joined()), "text");
}

TEST_F(RecorderTest, EndsAtTheByteLimit)
{
    const UniqueFd zero(open("/dev/zero", O_RDONLY | O_CLOEXEC));
    on_read_ = [this] { shown_.clear(); };
    const Recording recording = record(zero.get(), 24h);
    EXPECT_EQ(recording.end, Recording::End::byte_limit);
    EXPECT_EQ(recording.bytes, 64U << 20U);
    EXPECT_EQ(recording.joined().size(), 1U << 20U) << "only the first reads are kept";
}

TEST_F(RecorderTest, ErrorEndsIt)
{
    const UniqueFd directory(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const Recording recording = record(directory.get());
    EXPECT_EQ(recording.end, Recording::End::failed);
    EXPECT_EQ(recording.error, EISDIR);
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "reader/input_source.hpp"

#include <array>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/io.hpp"
#include "support/process.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

using device::Settings;
using device::SetupStep;
using device::WriteStep;
using reader::InputSource;
using reader::make_read_source;
using reader::make_source;
using record::Framing;
using testing::HasSubstr;

class InputSources : public testing::Test {
protected:
    /// The result of one read; "ended" if no input will follow.
    std::string read_once(InputSource& source)
    {
        bool ended = false;
        const std::size_t got = source.read(buffer_, ended);
        return ended ? "ended" : as_text(std::span(buffer_).first(got));
    }

    std::array<std::byte, 4096> buffer_{};
    Pipe pipe_;
    TemporaryDirectory directory_;
};

TEST_F(InputSources, FifoWithoutAWriterHasNoInput)
{
    const auto source = make_read_source(pipe_.read_end.get(), {});
    EXPECT_EQ(read_once(*source), "");
    write_all(pipe_.write_end.get(), "text");
    EXPECT_EQ(read_once(*source), "text");
    pipe_.write_end.reset();
    EXPECT_EQ(read_once(*source), "");
}

TEST_F(InputSources, SnapshotIsReadOncePerNotification)
{
    const std::string path = directory_.file("value", "21\n");
    const UniqueFd file(must(open(path.c_str(), O_RDONLY | O_CLOEXEC), "open"));
    Settings settings;
    settings.framing.kind = Framing::Kind::snapshot;
    const auto source = make_source(settings, {.device = file.get()});
    EXPECT_EQ(read_once(*source), "");
    source->notified(2, true);
    EXPECT_EQ(read_once(*source), "21\n");
    directory_.file("value", "22\n");
    EXPECT_EQ(read_once(*source), "22\n");
    EXPECT_EQ(read_once(*source), "");
}

TEST_F(InputSources, ReadOfAnotherSizeThanTheFormatIsAnError)
{
    const UniqueFd zero(must(open("/dev/zero", O_RDONLY | O_CLOEXEC), "open"));
    const auto source = make_read_source(zero.get(), {.kind = Framing::Kind::fixed, .size = 24});
    try {
        (void)read_once(*source);
        FAIL() << "no error was reported";
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("returns 4096 bytes, the format takes 24"));
    }
}

TEST_F(InputSources, FetchRunsOncePerCountOfTheEventfd)
{
    write_all(pipe_.write_end.get(), "five!");
    Settings settings;
    device::IoctlStep fetch;
    fetch.request = FIONREAD;
    fetch.format = format::Format::parse("s32 bytes");
    settings.fetch = std::make_shared<const device::IoctlStep>(fetch);
    const auto source = make_source(settings, {.device = pipe_.read_end.get()});
    EXPECT_EQ(read_once(*source), "");
    source->notified(2, true);
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(read_once(*source), std::string("\x05\0\0\0", 4));
    EXPECT_EQ(read_once(*source), "");
}

TEST_F(InputSources, ErrorOfAFetchIsReported)
{
    Settings settings;
    device::IoctlStep fetch;
    fetch.request = 0x1234;
    fetch.format = format::Format::parse("u32 value");
    settings.fetch = std::make_shared<const device::IoctlStep>(fetch);
    const auto source = make_source(settings, {.device = pipe_.read_end.get()});
    source->notified(1, true);
    EXPECT_THROW((void)read_once(*source), std::system_error);
}

TEST_F(InputSources, RearmRunsFirstAndAfterEachRead)
{
    Settings settings;
    Pipe counted;
    settings.rearm = {SetupStep{
        WriteStep{.text = "x", .to = "/proc/self/fd/" + std::to_string(counted.write_end.get()), .at = {}}, nullptr}};
    const auto source = make_source(settings, {.device = pipe_.read_end.get()});
    const auto armed = [&counted] {
        int bytes = 0;
        must(ioctl(counted.read_end.get(), FIONREAD, &bytes), "FIONREAD");
        return bytes;
    };
    EXPECT_EQ(armed(), 1);
    write_all(pipe_.write_end.get(), "one");
    EXPECT_EQ(read_once(*source), "one");
    EXPECT_EQ(read_once(*source), "");
    EXPECT_EQ(armed(), 2);
    EXPECT_EQ(read_once(*source), "");
    EXPECT_EQ(armed(), 2);
}

}  // namespace
}  // namespace drvbus::test

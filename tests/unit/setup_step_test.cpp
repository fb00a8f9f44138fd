// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device/setup_step.hpp"

#include <string>
#include <system_error>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "support/io.hpp"
#include "support/process.hpp"

namespace drvbus::test {
namespace {

using device::IoctlStep;
using device::SetupStep;
using device::StepContext;
using device::WriteStep;
using format::Format;
using testing::HasSubstr;

IoctlStep struct_step(std::uint64_t request, const std::string& format,
                      std::map<std::string, format::Value> values = {})
{
    IoctlStep step;
    step.request = request;
    step.format = Format::parse(format);
    step.values = std::move(values);
    return step;
}

IoctlStep number_step(std::uint64_t request, std::int64_t value)
{
    IoctlStep step;
    step.request = request;
    step.value = value;
    return step;
}

class SetupSteps : public testing::Test {
protected:
    TemporaryDirectory directory_;
    Pipe pipe_;
};

TEST_F(SetupSteps, IoctlPassesAStruct)
{
    const UniqueFd terminal(must(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "posix_openpt"));
    const SetupStep step{struct_step(TIOCSWINSZ, "u16 rows; u16 columns; u16 _[2]", {{"rows", 12}, {"columns", 34}}),
                         {}};
    run(step, StepContext{.device = terminal.get()});
    winsize size{};
    must(ioctl(terminal.get(), TIOCGWINSZ, &size), "TIOCGWINSZ");
    EXPECT_EQ(size.ws_row, 12);
    EXPECT_EQ(size.ws_col, 34);
}

TEST_F(SetupSteps, IoctlReturnsTheStructOfTheDriver)
{
    write_all(pipe_.write_end.get(), "four");
    const SetupStep step{struct_step(FIONREAD, "s32 unread"), {}};
    const std::vector<std::byte> argument = run(step, StepContext{.device = pipe_.read_end.get()}).argument;
    EXPECT_EQ(format::load_integer({.type = format::Type::s32}, argument), 4);
}

TEST_F(SetupSteps, IoctlPassesANumber)
{
    const UniqueFd terminal(must(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "posix_openpt"));
    // The argument of TCFLSH is a number: 0, 1 or 2.
    EXPECT_NO_THROW(run(SetupStep{number_step(TCFLSH, TCIOFLUSH), {}}, StepContext{.device = terminal.get()}));
    EXPECT_THROW(run(SetupStep{number_step(TCFLSH, 77), {}}, StepContext{.device = terminal.get()}), std::system_error);
}

TEST_F(SetupSteps, TooShortStructIsNotOverrun)
{
    const UniqueFd terminal(must(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "posix_openpt"));
    const SetupStep step{struct_step(TCGETS, "u8 first"), {}};  // the driver writes 36 bytes
    EXPECT_EQ(run(step, StepContext{.device = terminal.get()}).argument.size(), 1U);
}

TEST_F(SetupSteps, RefusedIoctlIsNamedInTheError)
{
    try {
        run(SetupStep{number_step(0x5401, 1), {}}, StepContext{.device = pipe_.read_end.get()});
        FAIL() << "a pipe accepted an ioctl of terminals";
    } catch (const std::system_error& error) {
        EXPECT_STREQ(error.what(), "ioctl 0x5401: Inappropriate ioctl for device");
    }
}

TEST_F(SetupSteps, ReturnedFileReplacesTheDevice)
{
    const UniqueFd terminal(must(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "posix_openpt"));
    // No ioctl of a device in every kernel returns a file in a struct, so the test stores the number there itself.
    const int other = must(dup(terminal.get()), "dup");
    IoctlStep step = struct_step(FIONREAD, "s32 unread; s32 fd", {{"fd", other}});
    step.returned_fd = "fd";
    const device::StepResult result = run(SetupStep{step, {}}, StepContext{.device = pipe_.read_end.get()});
    EXPECT_EQ(result.returned_fd.get(), other);
    EXPECT_EQ(fcntl(other, F_GETFD), FD_CLOEXEC);

    step.values["fd"] = std::int64_t{-1};
    EXPECT_THROW(run(SetupStep{step, {}}, StepContext{.device = pipe_.read_end.get()}), std::runtime_error);
}

TEST_F(SetupSteps, TextIsWrittenToTheDeviceOrAFile)
{
    run(SetupStep{WriteStep{.text = "hello", .to = "", .at = {}}, {}}, StepContext{.device = pipe_.write_end.get()});
    std::string text(5, ' ');
    must(static_cast<int>(read(pipe_.read_end.get(), text.data(), text.size())), "read");
    EXPECT_EQ(text, "hello");

    const std::string file = directory_.file("control", "0123456789");
    run(SetupStep{WriteStep{.text = "ab", .to = file, .at = 4}, {}}, StepContext{});
    EXPECT_EQ(read_file(file), "0123ab6789");
}

TEST_F(SetupSteps, PlaceholdersAreFileDescriptorNumbers)
{
    const std::string file = directory_.file("control", "");
    run(SetupStep{WriteStep{.text = "{eventfd} {device} 1000", .to = file, .at = {}}, {}},
        StepContext{.device = 5, .eventfd = 7});
    EXPECT_EQ(read_file(file), "7 5 1000");

    const SetupStep step{struct_step(FIONREAD, "s32 unread; s32 fd", {{"fd", "{eventfd}"}}), {}};
    const auto argument = run(step, StepContext{.device = pipe_.read_end.get(), .eventfd = 7}).argument;
    EXPECT_EQ(format::load_integer({.type = format::Type::s32}, std::span(argument).subspan(4)), 7);
    EXPECT_THROW(run(step, StepContext{.device = pipe_.read_end.get()}), std::runtime_error)
        << "the placeholder has no value";
}

TEST_F(SetupSteps, MissingFileIsReported)
{
    try {
        run(SetupStep{WriteStep{.text = "1", .to = directory_.path() + "/none", .at = {}}, {}}, StepContext{});
        FAIL() << "the write succeeded";
    } catch (const std::system_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("writing \"1\" to " + directory_.path() + "/none: No such file"));
    }
}

TEST_F(SetupSteps, OnlyAWriteToTheDeviceNeedsWriteAccess)
{
    EXPECT_FALSE((SetupStep{number_step(1, 1), {}}.writes()));
    EXPECT_FALSE((SetupStep{WriteStep{.text = "1", .to = "/x", .at = {}}, {}}.writes()));
    const SetupStep writes{WriteStep{.text = "1", .to = "", .at = {}}, {}};
    EXPECT_TRUE(writes.writes());
    EXPECT_TRUE((SetupStep{number_step(1, 1), std::make_shared<const SetupStep>(writes)}.writes()));
}

}  // namespace
}  // namespace drvbus::test

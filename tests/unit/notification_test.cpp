// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The eventfd of a device of class drvbus needs the kernel module: the VM tests cover it.
#include "notification/notification.hpp"

#include <array>
#include <memory>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "notification/sigio.hpp"
#include "support/io.hpp"
#include "turn.hpp"

namespace drvbus::test {
namespace {

using notification::Device;
using notification::Kind;
using notification::make_eventfd;
using notification::make_poll;
using testing::HasSubstr;

class NotificationTest : public testing::Test {
protected:
    [[nodiscard]] notification::OnReady count()
    {
        return [this] { ++reports_; };
    }

    [[nodiscard]] bool reported(int times)
    {
        return turn_until(loop_, [&] { return reports_ >= times; });
    }

    template <typename Make>
    void expect_refused(const Make& make, std::errc code, const std::string& advice)
    {
        try {
            make();
            FAIL() << "no error was reported";
        } catch (const std::system_error& error) {
            EXPECT_EQ(error.code(), code);
            EXPECT_THAT(error.what(), HasSubstr(advice));
        }
    }

    static void empty(int fd)
    {
        std::array<char, 4096> buffer{};
        while (::read(fd, buffer.data(), buffer.size()) > 0) {
        }
    }

    EventLoop loop_;
    notification::SigioDispatcher sigio_{loop_};
    Pipe pipe_;
    UniqueFd file_{must(memfd_create("file", MFD_CLOEXEC), "memfd_create")};
    int reports_ = 0;
};

TEST_F(NotificationTest, KindsHaveTheNamesOfTheConfiguration)
{
    EXPECT_EQ(to_string(Kind::eventfd), "eventfd");
    EXPECT_EQ(to_string(Kind::poll), "poll");
    EXPECT_EQ(to_string(Kind::sigio), "sigio");
}

TEST_F(NotificationTest, PollReportsReadinessOnce)
{
    const auto poll = make_poll(loop_, {pipe_.read_end.get(), false}, count());
    EXPECT_EQ(poll->kind(), Kind::poll);
    run_until_idle(loop_);
    EXPECT_EQ(reports_, 0);

    write_all(pipe_.write_end.get(), "x");
    ASSERT_TRUE(reported(1));
    // A channel that waits for the bus does not read its device: the loop must not be busy meanwhile.
    run_until_idle(loop_);
    EXPECT_EQ(reports_, 1);
}

TEST_F(NotificationTest, PollReportsFurtherInput)
{
    const auto poll = make_poll(loop_, {pipe_.read_end.get(), false}, count());
    for (int i = 1; i <= 10; ++i) {
        write_all(pipe_.write_end.get(), "x");
        ASSERT_TRUE(reported(i));
        poll->clear();
        if (i % 2 == 0)
            empty(pipe_.read_end.get());
        run_until_idle(loop_);
        ASSERT_EQ(reports_, i);
    }
}

TEST_F(NotificationTest, PollReportsInputFromBeforeItStarted)
{
    write_all(pipe_.write_end.get(), "x");
    const auto poll = make_poll(loop_, {pipe_.read_end.get(), false}, count());
    EXPECT_TRUE(reported(1));
}

TEST_F(NotificationTest, PollReportsAHangUp)
{
    const auto poll = make_poll(loop_, {pipe_.read_end.get(), false}, count());
    pipe_.write_end.reset();
    EXPECT_TRUE(reported(1));
    run_until_idle(loop_);
    EXPECT_EQ(reports_, 1);
}

TEST_F(NotificationTest, DestroyedPollDoesNotReport)
{
    auto poll = make_poll(loop_, {pipe_.read_end.get(), false}, count());
    write_all(pipe_.write_end.get(), "x");
    poll.reset();
    run_until_idle(loop_);
    EXPECT_EQ(reports_, 0);
}

TEST_F(NotificationTest, PollOfADeviceWithoutPollIsRefused)
{
    expect_refused(
        [&] {
            (void)make_poll(loop_, {file_.get(), false}, count());
        },
        std::errc::operation_not_permitted, "the device cannot be polled; set notification to \"auto\" or \"sigio\"");
}

TEST_F(NotificationTest, EventfdOfAnotherDeviceIsRefused)
{
    const std::string advice =
        "the device does not support an eventfd; set notification to \"auto\", \"poll\" or \"sigio\"";
    for (const bool is_drvbus_class : {false, true}) {
        for (const int fd : {pipe_.read_end.get(), file_.get()})
            expect_refused(
                [&] {
                    (void)make_eventfd(loop_, {fd, is_drvbus_class}, count());
                },
                std::errc::inappropriate_io_control_operation, advice);
    }
}

TEST_F(NotificationTest, AnyUsesPollWithoutEventfdSupport)
{
    const auto any = make_any(loop_, sigio_, {pipe_.read_end.get(), false}, count());
    EXPECT_EQ(any->kind(), Kind::poll);
    write_all(pipe_.write_end.get(), "x");
    EXPECT_TRUE(reported(1));
}

TEST_F(NotificationTest, AnyReportsThatNoneWorks)
{
    expect_refused(
        [&] {
            (void)make_any(loop_, sigio_, {file_.get(), false}, count());
        },
        std::errc::not_supported,
        "the device supports no notification: it accepts no eventfd, cannot be polled, and sends no SIGIO");
}

TEST_F(NotificationTest, MakeTriesOnlyTheGivenKind)
{
    const Device pipe{pipe_.read_end.get(), false};
    EXPECT_EQ(make(Kind::poll, loop_, sigio_, pipe, count())->kind(), Kind::poll);
    EXPECT_EQ(make(Kind::sigio, loop_, sigio_, pipe, count())->kind(), Kind::sigio);
    EXPECT_THROW((void)make(Kind::eventfd, loop_, sigio_, pipe, count()), std::system_error);
    EXPECT_THROW((void)make(Kind::poll, loop_, sigio_, {file_.get(), false}, count()), std::system_error);
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The client library in C++ and Python, in the example programs drvbus-follow and follow.py.
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fifo_test.hpp"
#include "support/process.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

/// The value of an environment variable that meson sets for this test.
std::string from_environment(const char* variable)
{
    const char* const value = std::getenv(variable);
    if (value == nullptr)
        throw std::runtime_error(std::string(variable) + " is not set: run this test with meson");
    return value;
}

/// Starts a program, with `bus` as the system bus and the Python package of the build directory.
void start_program(std::optional<Process>& process, const std::vector<std::string>& command, const PrivateBus& bus)
{
    process.emplace(command, Process::Options{{"DBUS_SYSTEM_BUS_ADDRESS=" + bus.address(),
                                               "PYTHONPATH=" + from_environment("DRVBUS_PYTHONPATH")},
                                              {}});
}

bool has_line(const Process& process, const std::string& start)
{
    return ("\n" + process.output()).find("\n" + start) != std::string::npos;
}

class Follow : public FifoTest {
protected:
    void start_follower() { start_program(follower_, {from_environment("DRVBUS_FOLLOW"), "sensor"}, bus()); }

    [[nodiscard]] bool has_printed(std::uint64_t sequence) const
    {
        return has_line(*follower_, std::to_string(sequence) + " ");
    }

    /// Whether a timerfd of the program has expired and the program has not read it.
    [[nodiscard]] bool has_expired_timer() const
    {
        const std::string files = "/proc/" + std::to_string(follower_->pid()) + "/fdinfo";
        for (const auto& file : std::filesystem::directory_iterator(files)) {
            const std::string text = read_file(file.path());
            const auto at = text.find("ticks: ");
            if (at != std::string::npos && text.at(at + 7) != '0')
                return true;
        }
        return false;
    }

    std::optional<Process> follower_;
};

TEST_F(Follow, ReceivedSignalsAreProcessedBeforeGetEventsIsCalled)
{
    constexpr std::uint64_t kCount = 400;  // enough to fill the output buffer, which is then printed
    start_channel();
    start_follower();
    send(1);
    ASSERT_TRUE(wait_until([&] { return has_printed(1); })) << follower_->output();
    follower_->stop();
    for (std::uint64_t sequence = 2; sequence <= kCount; ++sequence)
        send(sequence);
    ASSERT_TRUE(subscriber_.wait_for(kCount));
    ASSERT_TRUE(wait_until([&] { return has_expired_timer(); }));
    daemon().stop();  // a call of the service blocks the program from now on
    follower_->resume();
    EXPECT_TRUE(wait_until([&] { return has_printed(kCount / 4); })) << follower_->output();
    daemon().resume();
    EXPECT_TRUE(wait_until([&] { return has_printed(kCount); })) << follower_->output();
}

/// Tests of both programs. The test process has no connection to the bus while the bus ends, because sd-bus ends a
/// process that loses its connection. The parameter is the environment variable with the path of the program.
class EachFollow : public DaemonTest, public testing::WithParamInterface<const char*> {
protected:
    void start_sensor()
    {
        start(channel("sensor", fifo_.path()));
        writer_ = fifo_.open_writer();
    }

    void start_follower()
    {
        std::vector<std::string> command{from_environment(GetParam()), "sensor"};
        if (command.front().ends_with(".py"))
            command.insert(command.begin(), "python3");
        start_program(follower_, command, bus());
    }

    void send(std::uint64_t sequence) const { write_all(writer_.get(), record({.sequence = sequence})); }

    bool wait_for_line(const std::string& start)
    {
        return wait_until([&] { return has_line(*follower_, start); });
    }

    /// The first words of the lines for events, losses and instances, each followed by a comma.
    [[nodiscard]] std::string printed() const
    {
        std::string words;
        std::istringstream lines(follower_->output());
        for (std::string line; std::getline(lines, line);)
            if (std::isdigit(static_cast<unsigned char>(line.front())) != 0 || line.starts_with("lost") ||
                line.starts_with("new"))
                words += line.substr(0, line.find(' ')) + ",";
        return words;
    }

    Fifo fifo_{path("sensor")};
    UniqueFd writer_;
    std::optional<Process> follower_;
};

TEST_P(EachFollow, PastAndPresentEventsArePrintedInOrder)
{
    start_sensor();
    send(1);
    send(2);
    start_follower();
    ASSERT_TRUE(wait_for_line("2 ")) << follower_->output();
    send(3);
    send(6);
    ASSERT_TRUE(wait_for_line("6 ")) << follower_->output();
    EXPECT_TRUE(has_line(*follower_, "lost 2 from 4\n")) << follower_->output();
    EXPECT_EQ(printed(), "1,2,3,lost,6,") << follower_->output();
}

TEST_P(EachFollow, LossOfAnUnknownNumberIsPrinted)
{
    start(channel("sensor", fifo_.path(), "records = \"fixed\"\nformat = \"u8 id\"\nid = \"id\"\nloss = [3]\n"));
    writer_ = fifo_.open_writer();
    start_follower();
    write_all(writer_.get(), "\x01");
    ASSERT_TRUE(wait_for_line("1 ")) << follower_->output();
    write_all(writer_.get(), "\x03\x01");
    ASSERT_TRUE(wait_for_line("3 ")) << follower_->output();
    EXPECT_TRUE(has_line(*follower_, "lost an unknown number from 2\n")) << follower_->output();
    EXPECT_EQ(printed(), "1,lost,3,") << follower_->output();
}

TEST_P(EachFollow, AbsentServiceIsReportedUntilItStarts)
{
    start_follower();
    const std::string program = std::filesystem::path(from_environment(GetParam())).filename();
    ASSERT_TRUE(wait_for_line(program + ": ")) << follower_->output();
    start_sensor();
    send(1);
    EXPECT_TRUE(wait_for_line("1 ")) << follower_->output();
}

TEST_P(EachFollow, SubscriberContinuesAtItsPositionAfterARestartOfTheBus)
{
    start_sensor();
    start_follower();
    send(1);
    send(2);
    ASSERT_TRUE(wait_for_line("2 ")) << follower_->output();
    bus().kill();
    send(3);
    bus().start();
    ASSERT_TRUE(wait_for_line("3 ")) << follower_->output();
    send(4);
    ASSERT_TRUE(wait_for_line("4 ")) << follower_->output();
    EXPECT_EQ(printed(), "1,2,3,4,") << follower_->output();
}

TEST_P(EachFollow, NewInstanceIsPrintedAfterTheLastEventOfTheOldOne)
{
    start_sensor();
    start_follower();
    send(1);
    send(2);
    ASSERT_TRUE(wait_for_line("2 ")) << follower_->output();
    send(1);  // a sequence that starts again is a new instance of the device
    ASSERT_TRUE(wait_until([&] { return printed() == "1,2,new,1,"; })) << follower_->output();
    EXPECT_TRUE(has_line(*follower_, "new instance\n")) << follower_->output();
}

INSTANTIATE_TEST_SUITE_P(Program, EachFollow, testing::Values("DRVBUS_FOLLOW", "DRVBUS_FOLLOW_PYTHON"),
                         [](const auto& program) {
                             return std::string(program.param) == "DRVBUS_FOLLOW" ? "Cpp" : "Python";
                         });

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The example with the recipe, as its users run it.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fifo_test.hpp"
#include "support/process.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

class Follow : public FifoTest {
protected:
    void start_follower()
    {
        const char* const follow = std::getenv("DRVBUS_FOLLOW");
        if (follow == nullptr)
            throw std::runtime_error("DRVBUS_FOLLOW has to be the path of drvbus-follow");
        follower_.emplace(std::vector<std::string>{follow, "sensor"},
                          Process::Options{{"DBUS_SYSTEM_BUS_ADDRESS=" + bus().address()}, {}});
    }

    [[nodiscard]] bool has_printed(std::uint64_t sequence) const
    {
        return ("\n" + follower_->output()).find("\n" + std::to_string(sequence) + " ") != std::string::npos;
    }

    /// Whether a timer has run out and it has not taken notice.
    [[nodiscard]] bool is_due() const
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

TEST_F(Follow, WorksOffWhatHasComeBeforeItAsks)
{
    constexpr std::uint64_t kCount = 400;  // of which it prints the first at once: its output's buffer is full
    start_channel();
    start_follower();
    send(1);
    ASSERT_TRUE(wait_until([&] { return has_printed(1); })) << follower_->output();
    follower_->stop();
    for (std::uint64_t sequence = 2; sequence <= kCount; ++sequence)
        send(sequence);
    ASSERT_TRUE(subscriber_.wait_for(kCount));
    ASSERT_TRUE(wait_until([&] { return is_due(); }));
    daemon().stop();  // who is asked now has no answer for long
    follower_->resume();
    EXPECT_TRUE(wait_until([&] { return has_printed(kCount / 4); })) << follower_->output();
    daemon().resume();
    EXPECT_TRUE(wait_until([&] { return has_printed(kCount); })) << follower_->output();
}

}  // namespace
}  // namespace drvbus::test

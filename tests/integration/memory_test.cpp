// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The daemon's memory grows with what its channels hold. DRVBUS_MEMORY_CHANNELS sets the number of channels
// (scripts/soak --channels).
#include <algorithm>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <iostream>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "daemon_test.hpp"
#include "observer.hpp"
#include "support/io.hpp"

namespace drvbus::test {
// A sanitizer needs memory of its own for each allocation.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
namespace {

class Memory : public DaemonTest {
protected:
    /// The daemon's anonymous memory and the memory of its checkpoints, in bytes.
    [[nodiscard]] std::uint64_t memory()
    {
        const std::string proc = "/proc/" + std::to_string(daemon().pid());
        std::uint64_t sum = 1024 * sum_of("Anonymous:", proc + "/smaps_rollup");
        for (const auto& entry : std::filesystem::directory_iterator(proc + "/fd")) {
            std::error_code closed;
            struct stat status {};
            const std::string target = std::filesystem::read_symlink(entry.path(), closed);
            if (target.starts_with("/memfd:drvbus-checkpoint") && stat(entry.path().c_str(), &status) == 0)
                sum += 512 * static_cast<std::uint64_t>(status.st_blocks);
        }
        return sum;
    }

    /// Starts the daemon with `count` FIFOs.
    void start_with_fifos(std::size_t count, const std::string& settings)
    {
        std::string configuration;
        while (fifos_.size() < count)
            fifos_.emplace_back(path("f" + std::to_string(fifos_.size())));
        for (std::size_t i = 0; i < count; ++i)
            configuration += channel("f" + std::to_string(i), fifos_[i].path(), settings);
        start(configuration, {{}, [] {
                                  disable_huge_pages();
                                  raise_file_limit(16384);
                              }});
        ASSERT_EQ(Observer(bus().address()).manager().Channels(), count);
    }

    /// Expects that each further channel needs at most kMaxPerChannel, once the daemon is idle.
    void expect_little_memory(std::size_t channels, const std::string& settings)
    {
        start_with_fifos(1, settings);
        const std::uint64_t one = memory();
        TearDown();
        start_with_fifos(channels, settings);
        const auto per_channel = [&] { return (memory() - std::min(memory(), one)) / (channels - 1); };
        EXPECT_TRUE(wait_until([&] { return per_channel() <= kMaxPerChannel; }, 20s)) << per_channel() << " bytes";
        std::cout << "memory: " << channels << " channels, " << per_channel() << " bytes for each, " << memory() / 1024
                  << " KiB in total" << std::endl;
    }

    static constexpr std::uint64_t kMaxPerChannel = 16384;
    std::deque<Fifo> fifos_;
};

TEST_F(Memory, IdleChannelNeedsLittle)
{
    expect_little_memory(number_in_environment("DRVBUS_MEMORY_CHANNELS", 200), "format = \"u64 count\"\n");
}

// The daemon reads complete events of any size, so a read needs a large buffer.
TEST_F(Memory, BufferOfARawDeviceIsReleased)
{
    expect_little_memory(100, "records = \"raw\"\n");
}

}  // namespace

#endif

}  // namespace drvbus::test

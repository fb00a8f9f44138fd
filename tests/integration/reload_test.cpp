// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A reload applies the complete configuration, or nothing of it.
#include <dirent.h>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "fifo_test.hpp"
#include "observer.hpp"

namespace drvbus::test {
// The sanitizer of undefined behavior opens files itself, and reports wrong errors if it cannot.
#if !defined(__SANITIZE_ADDRESS__)
namespace {

class Reload : public FifoTest {
protected:
    /// Allows the daemon to open `count` more files.
    void allow_files(int count)
    {
        std::set<int> open;
        const std::string directory = "/proc/" + std::to_string(daemon().pid()) + "/fd";
        DIR* const files = opendir(directory.c_str());
        for (const dirent* entry = readdir(files); entry != nullptr; entry = readdir(files)) {
            if (entry->d_name[0] != '.')
                open.insert(std::stoi(entry->d_name));
        }
        closedir(files);
        rlim_t limit = 0;
        for (int free = 0; free < count || open.contains(static_cast<int>(limit)); ++limit)
            free += open.contains(static_cast<int>(limit)) ? 0 : 1;
        set_file_limit(limit);
    }

    void set_file_limit(rlim_t soft)
    {
        rlimit files{};
        must(prlimit(daemon().pid(), RLIMIT_NOFILE, nullptr, &files), "prlimit");
        files.rlim_cur = soft;
        must(prlimit(daemon().pid(), RLIMIT_NOFILE, &files, nullptr), "prlimit");
    }

    /// @returns whether the reload succeeded
    static bool reload(const Observer& observer)
    {
        try {
            observer.manager().Reload();
        } catch (const sdbus::Error&) {
            return false;
        }
        return true;
    }
};

// Each limit lets the reload fail at another place. The failure of one channel is no failure of the reload.
TEST_F(Reload, IsCompleteOrHasNoEffectIfFilesCannotBeOpened)
{
    start("");
    const Observer observer(bus().address());
    int failed = 0;
    for (int free = 0; free <= 6; ++free) {
        configure(channel("sensor", fifo_.path()));
        allow_files(free);
        const bool reloaded = reload(observer);
        EXPECT_EQ(observer.managed().size(), reloaded ? 1U : 0U) << "with " << free << " files";
        failed += reloaded ? 0 : 1;
        set_file_limit(1024);
        configure("");
        EXPECT_TRUE(reload(observer));
        EXPECT_EQ(observer.managed().size(), 0U);
    }
    EXPECT_GT(failed, 0) << "no limit made a reload fail";

    configure(channel("sensor", fifo_.path()));
    EXPECT_TRUE(reload(observer));
    writer_ = fifo_.open_writer();
    send(1);
    EXPECT_TRUE(subscriber_.wait_for(1)) << summary(subscriber_);
}

TEST_F(Reload, ChannelThatCannotOpenFilesIsRetryingAndOthersContinue)
{
    const Fifo other(path("other"));
    start_channel();
    configure(channel("sensor", fifo_.path()) + channel("other", other.path()));
    allow_files(1);
    const Observer observer(bus().address());
    EXPECT_TRUE(reload(observer));
    const Subscriber subscriber("other", bus().address());
    EXPECT_NE(reason_for("retrying", subscriber).find("Too many open files"), std::string::npos)
        << state_of(subscriber);
    send(1);
    EXPECT_TRUE(subscriber_.wait_for(1)) << summary(subscriber_);
    set_file_limit(1024);
    (void)reason_for("online", subscriber);
}

}  // namespace

#endif

}  // namespace drvbus::test

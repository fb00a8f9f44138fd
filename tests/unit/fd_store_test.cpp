// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/fd_store.hpp"
#include "base/service_status.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/io.hpp"
#include "support/notify_socket.hpp"
#include "support/wait.hpp"
#include "turn.hpp"

namespace drvbus::test {
namespace {

using testing::ExitedWithCode;
using testing::MatchesRegex;

/// Sets an environment variable, and restores it afterwards.
class Variable {
public:
    Variable(const char* name, const std::optional<std::string>& value) : name_(name)
    {
        if (const char* const old = std::getenv(name))
            old_ = old;
        set(value);
    }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() { set(old_); }

private:
    void set(const std::optional<std::string>& value) const
    {
        value ? setenv(name_, value->c_str(), 1) : unsetenv(name_);
    }

    const char* name_;
    std::optional<std::string> old_;
};

TEST(Notify, ServiceManagerGetsTheMessages)
{
    const NotifySocket socket;
    const Variable environment("NOTIFY_SOCKET", socket.address());
    service::notify_ready();
    EXPECT_EQ(socket.receive(), "READY=1");
    service::notify_reloading();
    EXPECT_THAT(socket.receive().value_or(""), MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]*"));
    service::notify_stopping();
    EXPECT_EQ(socket.receive(), "STOPPING=1");
    EXPECT_EQ(socket.receive(), std::nullopt);
}

TEST(Status, IsSentAtMostOncePerSecond)
{
    const NotifySocket socket;
    const Variable environment("NOTIFY_SOCKET", socket.address());
    const EventLoop loop;
    int changes = 0;
    service::StatusReporter status(loop, [&] { return std::to_string(changes) + " changes"; });
    run_until_idle(loop);
    EXPECT_EQ(socket.receive(), std::nullopt) << "a status was sent without a change";

    for (const char* const expected : {"STATUS=10 changes", "STATUS=20 changes"}) {
        const auto before = std::chrono::steady_clock::now();
        for (int i = 0; i < 10; ++i) {
            ++changes;
            status.changed();
        }
        std::optional<std::string> message;
        ASSERT_TRUE(turn_until(loop, [&] { return (message = socket.receive()).has_value(); }));
        EXPECT_EQ(message, expected);
        EXPECT_GE(std::chrono::steady_clock::now() - before, 1s);
        run_until_idle(loop);
        EXPECT_EQ(socket.receive(), std::nullopt) << "more than one message was sent";
    }
}

TEST(Status, IsSentDuringContinuousChanges)
{
    const NotifySocket socket;
    const Variable environment("NOTIFY_SOCKET", socket.address());
    const EventLoop loop;
    service::StatusReporter status(loop, [] { return std::string("busy"); });
    std::optional<std::string> message;
    EXPECT_TRUE(turn_until(loop, [&] {
        status.changed();
        return (message = socket.receive()).has_value();
    }));
    EXPECT_EQ(message, "STATUS=busy");
}

TEST(Status, IsNotComputedWithoutAServiceManager)
{
    const Variable environment("NOTIFY_SOCKET", std::nullopt);
    const EventLoop loop;
    int made = 0;
    service::StatusReporter status(loop, [&] {
        ++made;
        return std::string();
    });
    status.changed();

    bool later = false;
    const EventSource timer = loop.timer(EventLoop::Priority::idle, [&] { later = true; });
    EventLoop::start(timer, 1100ms);
    ASSERT_TRUE(turn_until(loop, [&] { return later; }));
    EXPECT_EQ(made, 0);
}

/// Passes pipes named `names` from fd 3 on, as a service manager does between fork and exec. Runs in a child process.
void pass_pipes(const std::string& names, int count)
{
    for (int i = 0; i < count; ++i) {
        const Pipe pipe;
        dup2(pipe.read_end.get(), 100 + i);
    }
    for (int i = 0; i < count; ++i)
        dup2(100 + i, 3 + i);
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", std::to_string(count).c_str(), 1);
    setenv("LISTEN_FDNAMES", names.c_str(), 1);
}

/// Ends the child process: exit code 0 if all conditions hold; stderr names those that do not.
[[noreturn]] void end_child(const std::vector<std::pair<const char*, bool>>& claims)
{
    int failed = 0;
    for (const auto& [what, holds] : claims) {
        if (!holds)
            std::fprintf(stderr, "does not hold: %s\n", what);
        failed += holds ? 0 : 1;
    }
    _exit(failed);
}

ino_t inode(int fd)
{
    struct stat status {};
    return fstat(fd, &status) < 0 ? 0 : status.st_ino;
}

// In child processes, because the numbers of the passed files may be in use in this one.
TEST(InheritedFdsDeathTest, OpenReturnsADuplicateEachTime)
{
    const auto child = [] {
        pass_pipes("one:two", 2);
        const service::InheritedFds fds;
        const UniqueFd two = fds.open("two");
        const UniqueFd one = fds.open("one");
        const UniqueFd again = fds.open("one");
        end_child({{"the second is fd 4", inode(two.get()) == inode(4)},
                   {"the first is fd 3", inode(one.get()) == inode(3)},
                   {"the two files differ", inode(3) != inode(4)},
                   {"there is no third", !fds.open("three")},
                   {"a second call returns it again", inode(again.get()) == inode(3)},
                   {"a child process does not get them", std::getenv("LISTEN_FDS") == nullptr}});
    };
    EXPECT_EXIT(child(), ExitedWithCode(0), "");
}

TEST(InheritedFdsDeathTest, StoredFilesAreGroupedByChannel)
{
    const auto child = [] {
        pass_pipes("device.sensor:checkpoint.sensor:checkpoint.other", 3);
        service::InheritedFds fds;
        const auto stored = fds.take_stored();
        end_child({{"two channels", stored.size() == 2},
                   {"the device", inode(stored.at("sensor").device.get()) == inode(3)},
                   {"its checkpoint", stored.at("sensor").checkpoint.get() == 4},
                   {"a checkpoint alone", !stored.at("other").device && stored.at("other").checkpoint.get() == 5},
                   {"it is returned once", fds.take_stored().empty()},
                   {"open does not find stored files", !fds.open("device.sensor")}});
    };
    EXPECT_EXIT(child(), ExitedWithCode(0), "");
}

TEST(InheritedFdsDeathTest, UnusedFilesAreClosed)
{
    const auto child = [] {
        pass_pipes("one", 1);
        {
            const service::InheritedFds fds;
        }
        end_child({{"it is closed", fcntl(3, F_GETFD) < 0 && errno == EBADF}});
    };
    EXPECT_EXIT(child(), ExitedWithCode(0), "");
}

TEST(InheritedFdsDeathTest, FilesForAnotherProcessAreIgnored)
{
    const auto child = [] {
        pass_pipes("one", 1);
        setenv("LISTEN_PID", std::to_string(getppid()).c_str(), 1);
        const service::InheritedFds fds;
        end_child({{"there is none", !fds.open("one")}});
    };
    EXPECT_EXIT(child(), ExitedWithCode(0), "");
}

TEST(InheritedFds, NoPassedFilesIsNoError)
{
    const Variable pid("LISTEN_PID", std::nullopt);
    const Variable fds("LISTEN_FDS", std::nullopt);
    EXPECT_FALSE(service::InheritedFds().open("one"));
}

TEST(InheritedFds, InvalidCountIsAnError)
{
    const Variable pid("LISTEN_PID", std::to_string(getpid()));
    const Variable fds("LISTEN_FDS", "many");
    EXPECT_THROW(service::InheritedFds(), std::system_error);
}

}  // namespace
}  // namespace drvbus::test

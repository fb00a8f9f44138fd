// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the daemon makes of devices, and what it says where it can make nothing of one.
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fifo_test.hpp"
#include "observer.hpp"

namespace drvbus::test {
namespace {

using testing::HasSubstr;

class Notification : public FifoTest {
protected:
    void expect_events_from(std::uint64_t first)
    {
        for (std::uint64_t i = first; i < first + 100; ++i)
            send(i);
        ASSERT_TRUE(subscriber_.wait_for(first + 99)) << summary(subscriber_);
        EXPECT_EQ(subscriber_.received().gaps(first + 99), "");
    }
};

TEST_F(Notification, AFifoIsPolledOfItself)
{
    start_channel();
    EXPECT_EQ(subscriber_.channel().Notification(), "poll");
    EXPECT_EQ(subscriber_.channel().State(), "online");
    EXPECT_EQ(subscriber_.channel().Device(), fifo_.path());
    EXPECT_EQ(subscriber_.channel().Name(), "way");
    expect_events_from(1);
}

TEST_F(Notification, AFifoSendsSigioWhereThatIsSet)
{
    start_channel("notification = \"sigio\"\n");
    EXPECT_EQ(subscriber_.channel().Notification(), "sigio");
    expect_events_from(1);
}

TEST_F(Notification, ReloadChangesItAndNothingIsLost)
{
    start_channel("notification = \"sigio\"\n");
    const Observer observer(bus().address());
    expect_events_from(1);
    std::uint64_t next = 101;
    for (const char* const kind : {"poll", "sigio", "poll"}) {
        configure(channel("way", fifo_.path(), "notification = \"" + std::string(kind) + "\"\n"));
        send(next);
        observer.manager().Reload();
        EXPECT_EQ(subscriber_.channel().Notification(), kind);
        expect_events_from(next + 1);
        next += 101;
    }
}

TEST_F(Notification, WhatADeviceDoesNotTakeFailsWithAdvice)
{
    const std::string regular = path("regular");
    std::ofstream(regular) << "text";
    start(channel("no-eventfd", fifo_.path(), "notification = \"eventfd\"\n") +
          channel("no-poll", regular, "notification = \"poll\"\n") +
          channel("no-sigio", regular, "notification = \"sigio\"\n") + channel("nothing", regular) +
          channel("gone", path("gone")) + channel("passed", "fd:counter"));
    const auto state = [&](const char* name) { return state_of(Subscriber(name, bus().address())); };
    EXPECT_EQ(state("no-eventfd"), "failed: the device takes no eventfd; set notification to \"auto\", \"poll\" or "
                                   "\"sigio\", or say with 'eventfd' how it takes one: Inappropriate ioctl for "
                                   "device");
    EXPECT_EQ(state("no-poll"), "failed: the device cannot be polled; set notification to \"auto\" or \"sigio\": "
                                "Operation not permitted");
    EXPECT_THAT(state("no-sigio"), HasSubstr("failed: the device sends no SIGIO; set notification to \"auto\" or "
                                             "\"poll\": "));
    EXPECT_THAT(state("nothing"), HasSubstr("failed: the device sends no SIGIO"));
    EXPECT_EQ(state("gone"), "gone: there is no " + path("gone") + ": No such file or directory");
    EXPECT_EQ(state("passed"), "failed: the service manager passed no file called \"counter\"; see "
                               "FileDescriptorName= in systemd.socket(5)");

    // They are on the bus all the same, and do nobody harm.
    const Observer observer(bus().address());
    EXPECT_EQ(observer.manager().Channels(), 6U);
    configure(channel("way", fifo_.path()));
    observer.manager().Reload();
    writer_ = fifo_.open_writer();
    expect_events_from(1);
}

TEST_F(Notification, AReloadToOneThatDoesNotWorkAndBackLosesNothing)
{
    start_channel();
    expect_events_from(1);
    configure(channel("way", fifo_.path(), "notification = \"eventfd\"\n"));
    const Observer observer(bus().address());
    observer.manager().Reload();
    EXPECT_THAT(reason_for("failed", subscriber_), HasSubstr("the device takes no eventfd"));
    send(101);  // the FIFO holds it for as long as somebody has it open

    configure(channel("way", fifo_.path()));
    observer.manager().Reload();
    EXPECT_EQ(reason_for("online", subscriber_), "");
    ASSERT_TRUE(subscriber_.wait_for(101)) << summary(subscriber_);
    EXPECT_EQ(subscriber_.received().gaps(101), "");
}

/// An eventfd that the service manager passes as "counter".
class Passed : public DaemonTest {
protected:
    void start_passed(const std::string& configuration)
    {
        // LISTEN_PID is the pid of drvbusd, which only its own process knows.
        std::vector<std::string> by_shell{"/bin/sh", "-c", "LISTEN_PID=$$ exec \"$0\" \"$@\""};
        for (const std::string& word : command())
            by_shell.push_back(word);
        const int fd = counter_.get();
        start_by(by_shell, configuration, {{"LISTEN_PID=", "LISTEN_FDS=1", "LISTEN_FDNAMES=counter"}, [fd] {
                                               // Not from 3 to 3: that would leave it to be closed.
                                               dup2(dup(fd), 3);
                                           }});
    }

    static std::string counter_channel(const std::string& settings = {})
    {
        return channel("counter", "fd:counter", "records = \"raw\"\nformat = \"u64 count\"\n" + settings);
    }

    void expect_counts(std::uint64_t first)
    {
        for (std::uint64_t i = first; i < first + 20; ++i) {
            must(eventfd_write(counter_.get(), i), "eventfd_write");
            ASSERT_TRUE(subscriber_.wait_for(i)) << summary(subscriber_);
            const Event event = subscriber_.received().events.back();
            EXPECT_EQ(event.sequence, i);
            EXPECT_EQ(event.fields().at("count").get<std::uint64_t>(), i);
        }
        EXPECT_EQ(subscriber_.received().gaps(first + 19), "");
    }

    UniqueFd counter_{must(eventfd(0, EFD_CLOEXEC), "eventfd")};
    Subscriber subscriber_{"counter", bus().address()};
};

TEST_F(Passed, WritesToAnEventfdBecomeEvents)
{
    start_passed(counter_channel());
    EXPECT_EQ(subscriber_.channel().State(), "online");
    EXPECT_EQ(subscriber_.channel().Notification(), "poll");
    EXPECT_EQ(subscriber_.channel().Device(), "fd:counter");
    expect_counts(1);
}

TEST_F(Passed, ItStaysOpenOverAReload)
{
    start_passed(counter_channel());
    expect_counts(1);
    configure(counter_channel("notification = \"poll\"\n"));
    Observer(bus().address()).manager().Reload();
    EXPECT_EQ(subscriber_.channel().State(), "online");
    expect_counts(21);
}

TEST_F(Passed, AnotherNameIsNotPassed)
{
    start_passed(channel("counter", "fd:meter", "records = \"raw\"\n"));
    EXPECT_EQ(state_of(subscriber_), "failed: the service manager passed no file called \"meter\"; see "
                                     "FileDescriptorName= in systemd.socket(5)");
}

TEST_F(Passed, AnEventfdSendsNoSigio)
{
    start_passed(counter_channel("notification = \"sigio\"\n"));
    EXPECT_THAT(state_of(subscriber_), HasSubstr("failed: the device sends no SIGIO; set notification to "
                                                 "\"auto\" or \"poll\""));
}

}  // namespace
}  // namespace drvbus::test

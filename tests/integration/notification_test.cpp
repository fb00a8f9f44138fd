// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The notification that the daemon selects for a device, and the errors for devices that it cannot serve.
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

TEST_F(Notification, FifoIsPolledByDefault)
{
    start_channel();
    EXPECT_EQ(subscriber_.channel().Notification(), "poll");
    EXPECT_EQ(subscriber_.channel().State(), "online");
    EXPECT_EQ(subscriber_.channel().Device(), fifo_.path());
    EXPECT_EQ(subscriber_.channel().Name(), "sensor");
    expect_events_from(1);
}

TEST_F(Notification, FifoSendsSigioIfConfigured)
{
    start_channel("notification = \"sigio\"\n");
    EXPECT_EQ(subscriber_.channel().Notification(), "sigio");
    expect_events_from(1);
}

TEST_F(Notification, ReloadChangesNotificationWithoutLoss)
{
    start_channel("notification = \"sigio\"\n");
    const Observer observer(bus().address());
    expect_events_from(1);
    std::uint64_t next = 101;
    for (const char* const notification : {"poll", "sigio", "poll"}) {
        configure(channel("sensor", fifo_.path(), "notification = \"" + std::string(notification) + "\"\n"));
        send(next);
        observer.manager().Reload();
        EXPECT_EQ(subscriber_.channel().Notification(), notification);
        expect_events_from(next + 1);
        next += 101;
    }
}

TEST_F(Notification, UnsupportedNotificationFailsWithAdvice)
{
    const std::string regular = path("regular");
    std::ofstream(regular) << "text";
    start(channel("no-eventfd", fifo_.path(), "notification = \"eventfd\"\n") +
          channel("no-poll", regular, "notification = \"poll\"\n") +
          channel("no-sigio", regular, "notification = \"sigio\"\n") + channel("no-notification", regular) +
          channel("missing", path("missing")) + channel("not-passed", "fd:counter"));
    const auto state = [&](const char* name) { return state_of(Subscriber(name, bus().address())); };
    EXPECT_EQ(state("no-eventfd"),
              "failed: the device does not support an eventfd; set notification to \"auto\", \"poll\" or "
              "\"sigio\", or set 'eventfd' to the step that registers one: Inappropriate ioctl for "
              "device");
    EXPECT_EQ(state("no-poll"), "failed: the device cannot be polled; set notification to \"auto\" or \"sigio\": "
                                "Operation not permitted");
    EXPECT_THAT(state("no-sigio"), HasSubstr("failed: the device sends no SIGIO; set notification to \"auto\" or "
                                             "\"poll\": "));
    EXPECT_THAT(state("no-notification"),
                HasSubstr("failed: the device supports no notification: it accepts no eventfd"));
    EXPECT_EQ(state("missing"), "absent: there is no " + path("missing") + ": No such file or directory");
    EXPECT_EQ(state("not-passed"), "failed: the service manager passed no file called \"counter\"; see "
                                   "FileDescriptorName= in systemd.socket(5)");

    // Failed channels are on the bus and do not affect the others.
    const Observer observer(bus().address());
    EXPECT_EQ(observer.manager().Channels(), 6U);
    configure(channel("sensor", fifo_.path()));
    observer.manager().Reload();
    writer_ = fifo_.open_writer();
    expect_events_from(1);
}

TEST_F(Notification, ReloadToUnsupportedNotificationAndBackLosesNothing)
{
    start_channel();
    expect_events_from(1);
    configure(channel("sensor", fifo_.path(), "notification = \"eventfd\"\n"));
    const Observer observer(bus().address());
    observer.manager().Reload();
    EXPECT_THAT(reason_for("failed", subscriber_), HasSubstr("the device does not support an eventfd"));
    send(101);  // the FIFO keeps it as long as a process has it open

    configure(channel("sensor", fifo_.path()));
    observer.manager().Reload();
    EXPECT_EQ(reason_for("online", subscriber_), "");
    ASSERT_TRUE(subscriber_.wait_for(101)) << summary(subscriber_);
    EXPECT_EQ(subscriber_.received().gaps(101), "");
}

/// drvbusd with an eventfd that the service manager passes as "counter".
class PassedFile : public DaemonTest {
protected:
    void start_with_counter(const std::string& configuration)
    {
        // LISTEN_PID is the pid of drvbusd: only its own process knows it before it starts.
        std::vector<std::string> shell_command{"/bin/sh", "-c", "LISTEN_PID=$$ exec \"$0\" \"$@\""};
        for (const std::string& word : command())
            shell_command.push_back(word);
        const int fd = counter_.get();
        start_with(shell_command, configuration, {{"LISTEN_PID=", "LISTEN_FDS=1", "LISTEN_FDNAMES=counter"}, [fd] {
                                                      // Duplicated first: dup2(3, 3) would keep FD_CLOEXEC set.
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

TEST_F(PassedFile, WritesToEventfdArePublished)
{
    start_with_counter(counter_channel());
    EXPECT_EQ(subscriber_.channel().State(), "online");
    EXPECT_EQ(subscriber_.channel().Notification(), "poll");
    EXPECT_EQ(subscriber_.channel().Device(), "fd:counter");
    expect_counts(1);
}

TEST_F(PassedFile, StaysOpenAcrossReload)
{
    start_with_counter(counter_channel());
    expect_counts(1);
    configure(counter_channel("notification = \"poll\"\n"));
    Observer(bus().address()).manager().Reload();
    EXPECT_EQ(subscriber_.channel().State(), "online");
    expect_counts(21);
}

TEST_F(PassedFile, MissingNameFailsWithAdvice)
{
    start_with_counter(channel("counter", "fd:meter", "records = \"raw\"\n"));
    EXPECT_EQ(state_of(subscriber_), "failed: the service manager passed no file called \"meter\"; see "
                                     "FileDescriptorName= in systemd.socket(5)");
}

TEST_F(PassedFile, SigioOfEventfdFailsWithAdvice)
{
    start_with_counter(counter_channel("notification = \"sigio\"\n"));
    EXPECT_THAT(state_of(subscriber_), HasSubstr("failed: the device sends no SIGIO; set notification to "
                                                 "\"auto\" or \"poll\""));
}

}  // namespace
}  // namespace drvbus::test

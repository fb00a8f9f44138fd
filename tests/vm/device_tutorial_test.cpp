// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Test drivers as in classic tutorials (modules/), which do not use drvbus.ko: published by configuration alone.
#include <array>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/unique_fd.hpp"
#include "configured_devices.hpp"
#include "service.hpp"
#include "support/io.hpp"
#include "support/process.hpp"
#include "support/subscriber.hpp"

namespace drvbus::test {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

/// One of the modules, loaded for the lifetime of the object. A test writes to its node what its hardware would report.
class Driver {
public:
    explicit Driver(const std::string& name) : name_(name)
    {
        const Result result = run({"insmod", name + ".ko"});
        if (result.status != 0)
            throw std::runtime_error("insmod " + name + ".ko: " + result.output);
        node_.reset(must(open(("/dev/" + name).c_str(), O_WRONLY | O_CLOEXEC), name.c_str()));
    }
    Driver(const Driver&) = delete;
    Driver& operator=(const Driver&) = delete;
    ~Driver()
    {
        node_.reset();
        const Result result = run({"rmmod", name_});
        EXPECT_EQ(result.status, 0) << result.output;
    }

    template <std::size_t kSize>
    void report(const std::array<std::uint32_t, kSize>& words) const
    {
        EXPECT_EQ(write(node_.get(), words.data(), sizeof(words)), static_cast<ssize_t>(sizeof(words)));
    }

private:
    std::string name_;
    UniqueFd node_;
};

std::vector<std::uint32_t> params(const Event& event, const std::string& field)
{
    return event.fields().at(field).get<std::vector<std::uint32_t>>();
}

/// Kills the daemon and waits until systemd has started the next one.
void kill_daemon()
{
    const pid_t killed = daemon_pid();
    ASSERT_EQ(kill(killed, SIGKILL), 0);
    ASSERT_TRUE(wait_until([&] {
        const pid_t present = daemon_pid();
        return present != 0 && present != killed;
    }));
}

/// A struct tutorial_event: index, urgent, id, two parameters.
std::array<std::uint32_t, 5> fasync_event(std::uint32_t index, std::uint32_t id, std::uint32_t param)
{
    return {index, 0, id, param, param * 2};
}

std::string fasync_channel(const std::string& name, int index)
{
    return "[[channel]]\nname = \"" + name +
           "\"\ndevice = \"/dev/tutorial_fasync\"\nshared = true\nrecords = \"fixed\"\nformat = \"u32 id; u32 "
           "param[2]\"\n"
           "id = \"id\"\nnames = { 7 = \"overheat\" }\nsetup = [{ ioctl = 0x6f01, value = " +
           std::to_string(index) + " }]\n";
}

TEST(TutorialFasync, EachIndexIsAChannelWithSigio)
{
    const Driver driver("tutorial_fasync");
    const ConfiguredDevices devices(fasync_channel("one", 1) + fasync_channel("two", 2));
    ASSERT_EQ(reason_in_state("online", "one"), "");
    ASSERT_EQ(reason_in_state("online", "two"), "");
    const Subscriber one("one");
    const Subscriber two("two");
    EXPECT_EQ(one.channel().Notification(), "sigio") << "the daemon has to detect that the driver has no poll()";
    driver.report(fasync_event(1, 7, 10));
    driver.report(fasync_event(2, 8, 20));
    driver.report(fasync_event(3, 9, 30));
    driver.report(fasync_event(1, 3, 11));
    ASSERT_TRUE(one.wait_for(2));
    ASSERT_TRUE(two.wait_for(1));
    const std::vector<Event> events = one.received().events;
    EXPECT_EQ(events[0].name, "overheat");
    EXPECT_EQ(events[0].id, 7U);
    EXPECT_THAT(params(events[0], "param"), ElementsAre(10, 20));
    EXPECT_EQ(events[1].name, "3");
    EXPECT_THAT(params(events[1], "param"), ElementsAre(11, 22));
    EXPECT_EQ(two.received().events[0].id, 8U);
    EXPECT_EQ(two.channel().EventsPublished(), 1U);
}

TEST(TutorialFasync, NoEventIsLostWhenTheDaemonIsKilled)
{
    constexpr std::uint32_t kEventsPerKill = 40;  // the driver holds 64
    constexpr std::uint32_t kKills = 3;
    const Driver driver("tutorial_fasync");
    const ConfiguredDevices devices(fasync_channel("one", 1));
    ASSERT_EQ(reason_in_state("online", "one"), "");
    const Subscriber subscriber("one");
    std::uint32_t id = 0;
    for (std::uint32_t round = 1; round <= kKills; ++round) {
        for (std::uint32_t count = 0; count < kEventsPerKill; ++count) {
            if (count == kEventsPerKill / 2)
                kill_daemon();
            driver.report(fasync_event(1, ++id, round));
        }
        ASSERT_TRUE(subscriber.wait(
            [&](const Received& received) { return !received.events.empty() && received.events.back().id == id; }));
    }
    // A killed daemon may have published events that it had not committed: they repeat with the same sequence.
    std::vector<std::uint32_t> ids;
    std::uint64_t next = 1;
    for (const Event& event : subscriber.received().events) {
        if (event.sequence < next)
            continue;
        EXPECT_EQ(event.sequence, next);
        ++next;
        ids.push_back(event.id);
    }
    std::vector<std::uint32_t> expected(std::size_t{kEventsPerKill} * kKills);
    std::iota(expected.begin(), expected.end(), 1U);
    EXPECT_THAT(ids, ElementsAreArray(expected));
    EXPECT_TRUE(subscriber.received().lost.empty());
}

/// A struct tutorial_message: index, id, four parameters.
std::array<std::uint32_t, 6> eventfd_event(std::uint32_t index, std::uint32_t id, std::uint32_t param)
{
    return {index, id, param, param + 1, param + 2, param + 3};
}

/// How the daemon gets the driver's messages.
struct MessageSource {
    const char* name;
    std::uint32_t index;
    const char* settings;
};

const std::array<MessageSource, 2> kMessageSources{{
    {"Ioctl", 3,
     "fetch = { ioctl = 0xc0186f03, format = \"u32 index; u32 message_id; u32 message_param[4]\","
     " values = { index = 3 } }\n"},
    {"Read", 0, ""},
}};

class TutorialEventfd : public testing::TestWithParam<MessageSource> {
protected:
    static std::string channel()
    {
        return "[[channel]]\nname = \"message\"\ndevice = \"/dev/tutorial_eventfd\"\nrecords = \"fixed\"\n"
               "format = \"u32 _index; u32 message_id; u32 message_param[4]\"\nid = \"message_id\"\n"
               "names = { 7 = \"overheat\" }\n"
               "eventfd = { ioctl = 0x40086f02, format = \"u32 index; s32 fd\", values = { index = " +
               std::to_string(GetParam().index) + ", fd = \"{eventfd}\" } }\n" + GetParam().settings;
    }

    const Driver driver_{"tutorial_eventfd"};
    const ConfiguredDevices devices_{channel()};
};

TEST_P(TutorialEventfd, MessageIsAnEvent)
{
    const std::uint32_t index = GetParam().index;
    ASSERT_EQ(reason_in_state("online", "message"), "");
    const Subscriber subscriber("message");
    EXPECT_EQ(subscriber.channel().Notification(), "eventfd");
    driver_.report(eventfd_event(index, 7, 10));
    driver_.report(eventfd_event(1, 8, 20));
    for (std::uint32_t count = 0; count < 30; ++count)
        driver_.report(eventfd_event(index, 100 + count, count));
    ASSERT_TRUE(subscriber.wait_for(31));
    const std::vector<Event> events = subscriber.received().events;
    EXPECT_EQ(subscriber.received().gaps(31), "");
    EXPECT_EQ(events[0].name, "overheat");
    EXPECT_EQ(events[0].fields().size(), 2U);
    EXPECT_THAT(params(events[0], "message_param"), ElementsAre(10, 11, 12, 13));
    for (std::uint32_t count = 0; count < 30; ++count)
        EXPECT_EQ(events[count + 1].id, 100 + count);
}

TEST_P(TutorialEventfd, NextProcessReadsMessagesThatTheDriverHolds)
{
    const std::uint32_t index = GetParam().index;
    ASSERT_EQ(reason_in_state("online", "message"), "");
    const Subscriber subscriber("message");
    driver_.report(eventfd_event(index, 1, 0));
    ASSERT_TRUE(subscriber.wait_for(1));
    {
        const StoppedDaemon stopped;
        for (std::uint32_t id = 2; id <= 30; ++id)
            driver_.report(eventfd_event(index, id, 0));
        kill_daemon();
    }
    for (std::uint32_t id = 31; id <= 60; ++id)
        driver_.report(eventfd_event(index, id, 0));
    ASSERT_TRUE(subscriber.wait_for(60));
    const std::vector<Event> events = subscriber.received().events;
    EXPECT_EQ(subscriber.received().gaps(60), "");
    EXPECT_EQ(events.back().id, 60U);
}

INSTANTIATE_TEST_SUITE_P(Messages, TutorialEventfd, testing::ValuesIn(kMessageSources),
                         [](const auto& source) { return std::string(source.param.name); });

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The example programs that read a device node without D-Bus, alone and beside the daemon.
#include <cstdint>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "service.hpp"
#include "sim.hpp"
#include "support/process.hpp"
#include "support/subscriber.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

constexpr std::uint64_t kConsumedEvents = 1000;

/// Path of an example program, relative to the directory that tests/vm/guest/tests runs the tests in.
std::string example(const std::string& name)
{
    return "../examples/" + name;
}

bool is_urgent(std::uint64_t i)
{
    return i % 10 == 0;
}

/// Emits kConsumedEvents events; line() is what a consumer prints for each.
void emit_all(const SimChannel& channel)
{
    for (std::uint64_t i = 1; i <= kConsumedEvents; ++i) {
        const std::string parameters = hex(i, 4) + hex(0xffff'ffff - i, 4) + (is_urgent(i) ? "0aff" : "");
        ASSERT_EQ(channel.emit(is_urgent(i) ? 2 : 1, parameters, is_urgent(i)), 0);
    }
}

/// @returns what a consumer prints for the event with sequence `i`
std::string line(std::uint64_t i)
{
    char text[200];
    const unsigned long long other = 0xffff'ffffU - i;
    std::snprintf(text, sizeof(text), "sequence=%llu id=%d urgent=%d parameters=0x%08llx(%llu),0x%08llx(%llu) bytes=%s",
                  static_cast<unsigned long long>(i), is_urgent(i) ? 2 : 1, is_urgent(i) ? 1 : 0,
                  static_cast<unsigned long long>(i), static_cast<unsigned long long>(i), other, other,
                  is_urgent(i) ? "0aff" : "");
    return text;
}

/// Compares the output of a consumer with line(). @returns a description of the first difference, or an empty string
std::string difference(const std::string& output)
{
    std::istringstream stream(output);
    std::uint64_t seen = 0;
    for (std::string text; std::getline(stream, text);) {
        // Other lines are messages for people, such as "no event for 5 s".
        if (!text.starts_with("sequence=") && !text.starts_with("too slow"))
            continue;
        ++seen;
        if (text != line(seen))
            return "\"" + text + "\" instead of \"" + line(seen) + "\"";
    }
    return seen == kConsumedEvents ? "" : "the output ends after event " + std::to_string(seen);
}

/// Waits until the consumer exits, and expects that it printed all events.
void expect_all(Process& consumer)
{
    const std::optional<int> status = consumer.wait();
    ASSERT_TRUE(status.has_value()) << "it has not received all events: " << difference(consumer.output());
    EXPECT_EQ(*status, 0) << consumer.output();
    EXPECT_EQ(difference(consumer.output()), "");
}

TEST(KmodConsumers, TwoConsumersAndTheDaemonReceiveEveryEvent)
{
    SimChannel::Settings settings;
    settings.event_names = "1 reading,2 overheat";
    SimChannel channel("consumers", settings);
    ASSERT_TRUE(wait_for_channel("consumers"));
    const Subscriber subscriber("consumers");
    const std::string count = std::to_string(kConsumedEvents);
    Process by_eventfd({example("drvbus-eventfd"), channel.node(), count});
    Process by_sigio({example("drvbus-sigio"), channel.node(), count});
    ASSERT_TRUE(wait_until([&] { return channel.sysfs("readers") == 3; })) << by_eventfd.output() << by_sigio.output();
    emit_all(channel);

    expect_all(by_eventfd);
    expect_all(by_sigio);
    ASSERT_TRUE(subscriber.wait_for(kConsumedEvents))
        << subscriber.received().events.size() << " events, " << subscriber.received().lost_count() << " lost";
    const Received received = subscriber.received();
    EXPECT_EQ(received.gaps(kConsumedEvents), "");
    ASSERT_EQ(received.events.size(), kConsumedEvents);
    for (std::uint64_t i = 1; i <= kConsumedEvents; ++i)
        ASSERT_EQ(received.events.at(i - 1).name, is_urgent(i) ? "overheat" : "reading");
    EXPECT_EQ(subscriber.channel().EventsPublished(), kConsumedEvents);
}

TEST(KmodConsumers, EventsBeforeOpenAreReceived)
{
    SimChannel channel("consumers");
    emit_all(channel);
    const std::string count = std::to_string(kConsumedEvents);
    Process by_eventfd({example("drvbus-eventfd"), channel.node(), count});
    Process by_sigio({example("drvbus-sigio"), channel.node(), count});

    expect_all(by_eventfd);
    expect_all(by_sigio);
}

TEST(KmodConsumers, LegacyChannelIsReadBySigioOnly)
{
    SimChannel::Settings settings;
    settings.legacy = true;
    SimChannel channel("consumers", settings);
    Process by_sigio({example("drvbus-sigio"), channel.node(), std::to_string(kConsumedEvents)});
    ASSERT_TRUE(wait_until([&] { return channel.sysfs("readers") >= 1; })) << by_sigio.output();
    emit_all(channel);
    expect_all(by_sigio);

    Process by_eventfd({example("drvbus-eventfd"), channel.node()});
    EXPECT_EQ(by_eventfd.wait(), 1);
    EXPECT_NE(by_eventfd.output().find("DEVICE does not support eventfds"), std::string::npos) << by_eventfd.output();
}

TEST(KmodConsumers, RemovedChannelEndsConsumersAfterItsLastEvent)
{
    SimChannel channel("consumers");
    ASSERT_TRUE(wait_for_channel("consumers"));
    Process by_eventfd({example("drvbus-eventfd"), channel.node()});
    Process by_sigio({example("drvbus-sigio"), channel.node()});
    ASSERT_TRUE(wait_until([&] { return channel.sysfs("readers") == 3; }));
    ASSERT_EQ(channel.emit(1), 0);
    ASSERT_EQ(channel.remove(), 0);

    for (Process* const consumer : {&by_eventfd, &by_sigio}) {
        EXPECT_EQ(consumer->wait(), 0);
        EXPECT_NE(consumer->output().find("sequence=1 "), std::string::npos) << consumer->output();
        EXPECT_NE(consumer->output().find("the channel was removed"), std::string::npos) << consumer->output();
    }
}

}  // namespace
}  // namespace drvbus::test

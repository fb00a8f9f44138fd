// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Each notification: a subscriber receives what the driver emits.
#include <ctime>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "service.hpp"
#include "sim.hpp"
#include "support/process.hpp"
#include "support/subscriber.hpp"
#include "support/wait.hpp"

namespace drvbus::test {
namespace {

constexpr std::uint64_t kNotifiedEvents = 300;  // fewer than the ring holds

std::uint64_t now()
{
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(time.tv_nsec);
}

struct NotificationCase {
    const char* title;
    const char* setting;  ///< of the configuration; empty: none
    bool legacy;          ///< the driver has neither poll() nor an eventfd
    const char* expected;
};

std::ostream& operator<<(std::ostream& stream, const NotificationCase& test_case)
{
    return stream << test_case.title;
}

class EachNotification : public testing::TestWithParam<NotificationCase> {
protected:
    EachNotification()
    {
        const std::string setting = GetParam().setting;
        if (!setting.empty())
            config_.emplace("[[channel]]\nname = \"thermo\"\nnotification = \"" + setting + "\"\n");
    }

    static SimChannel::Settings settings()
    {
        SimChannel::Settings settings;
        settings.format = "u16 sensor; s16 milli_celsius; u32 count";
        settings.event_names = "1 reading\n2 overheat";
        settings.payload_size = 8;
        settings.legacy = GetParam().legacy;
        return settings;
    }

    std::optional<ConfigDropIn> config_;
};

TEST_P(EachNotification, EventsArriveOnceInOrderAndComplete)
{
    SimChannel channel("thermo", settings());
    ASSERT_TRUE(wait_for_channel("thermo"));
    const Subscriber subscriber("thermo");
    ASSERT_EQ(subscriber.channel().State(), "online");
    EXPECT_EQ(subscriber.channel().Notification(), GetParam().expected);

    const std::uint64_t before = now();
    for (std::uint64_t i = 1; i <= kNotifiedEvents; ++i) {
        const bool urgent = i % 10 == 0;
        const std::string payload =
            hex(i % 7, 2) + hex(static_cast<std::uint64_t>(-static_cast<std::int64_t>(i)), 2) + hex(i, 4);
        ASSERT_EQ(channel.emit(urgent ? 2 : 1, payload, urgent), 0);
    }
    const std::uint64_t after = now();

    ASSERT_TRUE(subscriber.wait_for(kNotifiedEvents)) << subscriber.received().events.size() << " events arrived";
    const Received received = subscriber.received();
    EXPECT_EQ(received.gaps(kNotifiedEvents), "");
    ASSERT_EQ(received.events.size(), kNotifiedEvents);
    std::uint64_t last_time = before;
    for (std::uint64_t i = 1; i <= kNotifiedEvents; ++i) {
        const Event& event = received.events.at(i - 1);
        ASSERT_EQ(event.sequence, i);
        ASSERT_EQ(event.id, i % 10 == 0 ? 2U : 1U);
        ASSERT_EQ(event.name, i % 10 == 0 ? "overheat" : "reading");
        ASSERT_GE(event.time, last_time);
        ASSERT_LE(event.time, after);
        last_time = event.time;
        const auto fields = event.fields();
        ASSERT_EQ(fields.size(), 3U);
        ASSERT_EQ(fields.at("sensor").get<std::uint16_t>(), i % 7);
        ASSERT_EQ(fields.at("milli_celsius").get<std::int16_t>(), -static_cast<std::int16_t>(i));
        ASSERT_EQ(fields.at("count").get<std::uint32_t>(), i);
    }
    EXPECT_EQ(subscriber.channel().EventsPublished(), kNotifiedEvents);
    EXPECT_EQ(subscriber.channel().EventsLost(), 0U);
    EXPECT_EQ(subscriber.channel().NextSequence(), kNotifiedEvents + 1);
}

TEST_P(EachNotification, OverrunsAreCountedExactly)
{
    constexpr std::uint64_t kBurst = 5'000;
    SimChannel::Settings small = settings();
    small.format = "u32 count; u32 _";
    small.depth = 256;
    SimChannel channel("thermo", small);
    ASSERT_TRUE(wait_for_channel("thermo"));
    const Subscriber subscriber("thermo");

    ASSERT_EQ(channel.burst(kBurst), 0);

    ASSERT_TRUE(subscriber.wait_for(kBurst))
        << subscriber.received().events.size() << " events and " << subscriber.received().lost_count() << " lost";
    const Received received = subscriber.received();
    EXPECT_EQ(received.gaps(kBurst), "");
    EXPECT_EQ(received.events.size() + received.lost_count(), kBurst);
    EXPECT_GT(received.lost_count(), 0U);
    for (const Event& event : received.events)
        ASSERT_EQ(event.fields().at("count").get<std::uint32_t>(), event.sequence);
    EXPECT_EQ(subscriber.channel().EventsPublished(), received.events.size());
    EXPECT_EQ(subscriber.channel().EventsLost(), received.lost_count());
    EXPECT_EQ(channel.sysfs("events"), kBurst);
}

TEST_P(EachNotification, EventsFromAnInterruptArrive)
{
    SimChannel::Settings small = settings();
    small.format = "u32 count; u32 _";
    SimChannel channel("thermo", small);
    ASSERT_TRUE(wait_for_channel("thermo"));
    const Subscriber subscriber("thermo");

    ASSERT_EQ(channel.set("rate", "200"), 0);
    ASSERT_TRUE(subscriber.wait_for(100));
    ASSERT_EQ(channel.set("rate", "0"), 0);

    const std::uint64_t emitted = channel.sysfs("events");
    ASSERT_TRUE(subscriber.wait_for(emitted));
    EXPECT_EQ(subscriber.received().gaps(emitted), "");
}

INSTANTIATE_TEST_SUITE_P(Notifications, EachNotification,
                         testing::Values(NotificationCase{"Eventfd", "", false, "eventfd"},
                                         NotificationCase{"EventfdForced", "eventfd", false, "eventfd"},
                                         NotificationCase{"Poll", "poll", false, "poll"},
                                         NotificationCase{"Sigio", "sigio", false, "sigio"},
                                         NotificationCase{"SigioAutomatic", "", true, "sigio"}),
                         [](const auto& test_case) { return std::string(test_case.param.title); });

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The bus daemon ends and another one starts at the same address.
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <systemd/sd-bus.h>

#include "fifo_test.hpp"
#include "observer.hpp"

namespace drvbus::test {
namespace {

using testing::HasSubstr;
using testing::Not;

// The tests have no connection of their own while the bus ends: sd-bus ends a process that loses its connection.
class BusLoss : public DaemonTest {
protected:
    void start_sensor()
    {
        start(channel("sensor", fifo_.path()));
        writer_ = fifo_.open_writer();
    }

    void send_range(std::uint64_t first, std::uint64_t last) const
    {
        for (std::uint64_t sequence = first; sequence <= last; ++sequence)
            write_all(writer_.get(), record({.sequence = sequence}));
    }

    bool wait_for_output(const std::string& text)
    {
        return wait_until([&] { return daemon().output().find(text) != std::string::npos; });
    }

    Fifo fifo_{path("sensor")};
    UniqueFd writer_;
};

TEST_F(BusLoss, DaemonReconnectsAndContinuesAtItsPosition)
{
    start_sensor();
    {
        const Subscriber before("sensor", bus().address());
        send_range(1, 10);
        ASSERT_TRUE(before.wait_for(10)) << summary(before);
        ASSERT_TRUE(wait_until([&] { return before.channel().EventsPublished() == 10; }));
    }
    bus().kill();
    ASSERT_TRUE(wait_for_output("the connection to the session bus broke"));
    send_range(11, 20);
    EXPECT_FALSE(daemon().wait(0ms)) << "the daemon ended";

    bus().start();
    const Subscriber after("sensor", bus().address());
    ASSERT_TRUE(wait_for_output("connected to the session bus again"));
    ASSERT_TRUE(wait_until([&] {
        try {
            return after.channel().NextSequence() == 21;
        } catch (const sdbus::Error&) {
            return false;
        }
    }));
    EXPECT_EQ(after.channel().EventsPublished(), 20U);
    EXPECT_EQ(after.channel().EventsLost(), 0U);
    EXPECT_EQ(Observer(bus().address()).managed().size(), 1U);
    send_range(21, 21);
    ASSERT_TRUE(after.wait([](const Received& received) {
        return !received.events.empty() && received.events.back().sequence == 21;
    })) << summary(after);
}

/// Receives the signals that show when objects of the daemon, and its name, appear on a bus.
class AppearanceObserver {
public:
    explicit AppearanceObserver(const std::string& address)
    {
        must(sd_bus_new(&bus_), "sd_bus_new");
        must(sd_bus_set_address(bus_, address.c_str()), "sd_bus_set_address");
        must(sd_bus_set_bus_client(bus_, 1), "sd_bus_set_bus_client");
        must(sd_bus_start(bus_), "sd_bus_start");
        for (const char* const match : {"type='signal',member='InterfacesAdded',path='/org/drvbus1'",
                                        "type='signal',member='NameOwnerChanged',arg0='org.drvbus1'"})
            must(sd_bus_add_match(
                     bus_, nullptr, match,
                     [](sd_bus_message* signal, void* self, sd_bus_error*) {
                         static_cast<AppearanceObserver*>(self)->signals_.emplace_back(
                             sd_bus_message_get_member(signal));
                         return 0;
                     },
                     this),
                 "sd_bus_add_match");
    }
    AppearanceObserver(const AppearanceObserver&) = delete;
    AppearanceObserver& operator=(const AppearanceObserver&) = delete;
    ~AppearanceObserver() { sd_bus_close_unref(bus_); }

    /// The names of the received signals, after waiting for `count` of them.
    const std::vector<std::string>& wait_for(std::size_t count)
    {
        wait_until([&] {
            while (sd_bus_process(bus_, nullptr) > 0) {
            }
            return signals_.size() >= count;
        });
        return signals_;
    }

private:
    sd_bus* bus_ = nullptr;
    std::vector<std::string> signals_;
};

TEST_F(BusLoss, ObjectsAreThereBeforeTheName)
{
    const std::vector<std::string> expected{"InterfacesAdded", "NameOwnerChanged"};
    {
        AppearanceObserver observer(bus().address());
        start_sensor();
        EXPECT_EQ(observer.wait_for(2), expected) << "when the daemon starts";
    }
    bus().kill();
    ASSERT_TRUE(wait_for_output("the connection to the session bus broke"));
    daemon().stop();
    bus().start();
    AppearanceObserver observer(bus().address());
    daemon().resume();
    EXPECT_EQ(observer.wait_for(2), expected) << "when the daemon reconnects";
}

TEST_F(BusLoss, DaemonReconnectsAfterEachOfManyRestarts)
{
    start_sensor();
    std::uint64_t sent = 0;
    for (int round = 1; round <= 5; ++round) {
        bus().kill();
        send_range(sent + 1, sent + 10);
        sent += 10;
        bus().start();
        const Subscriber subscriber("sensor", bus().address());
        ASSERT_TRUE(wait_until([&] {
            try {
                return subscriber.channel().NextSequence() == sent + 1;
            } catch (const sdbus::Error&) {
                return false;
            }
        })) << "round "
            << round;
    }
}

TEST_F(BusLoss, DaemonUsesLittleCpuTimeWithoutABus)
{
    start_sensor();
    bus().kill();
    ASSERT_TRUE(wait_for_output("the connection to the session bus broke"));
    const auto cpu = [this] {
        const std::string stat = read_file("/proc/" + std::to_string(daemon().pid()) + "/schedstat");
        return std::stoull(stat);
    };
    const auto before = cpu();
    send_range(1, 1000);
    EXPECT_FALSE(daemon().wait(2000ms));
    RecordProperty("cpu_us", static_cast<int>((cpu() - before) / 1000));
    EXPECT_LT(cpu() - before, 200'000'000U)
        << "ns of CPU time in two seconds, with attempts to connect and a thousand notifications";
    bus().start();
    ASSERT_TRUE(wait_for_output("connected to the session bus again"));
}

TEST_F(BusLoss, UnresponsiveBusDoesNotBlockTheDaemon)
{
    start("log_level = \"debug\"\n" + channel("sensor", fifo_.path()));
    daemon().stop();
    bus().kill();
    bus().start();
    bus().stop();
    daemon().resume();
    ASSERT_TRUE(wait_for_output("the connection to the session bus broke"));
    ASSERT_TRUE(wait_until([this] { return !connections().empty(); })) << "the daemon did not try to connect";
    daemon().signal(SIGHUP);
    ASSERT_TRUE(wait_for_output("the configuration was reloaded"));
    EXPECT_THAT(daemon().output(), Not(HasSubstr("no session bus yet")))
        << "the daemon reloaded only after the attempt had failed";
    bus().resume();
    ASSERT_TRUE(wait_for_output("connected to the session bus again"));
}

TEST_F(BusLoss, DaemonExitsIfAnotherOneOwnsTheName)
{
    start_sensor();
    bus().kill();
    ASSERT_TRUE(wait_for_output("the connection to the session bus broke"));
    daemon().stop();
    bus().start();
    const auto other = connect(bus().address());
    other->requestName(bus::ServiceName("org.drvbus1"));
    daemon().resume();
    EXPECT_EQ(daemon().wait(), EXIT_FAILURE);
    EXPECT_THAT(daemon().output(), HasSubstr("the name org.drvbus1 is taken on the session bus: another drvbusd is "
                                             "running; stop it first"));
}

}  // namespace
}  // namespace drvbus::test

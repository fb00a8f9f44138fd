// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/publisher.hpp"

#include <cstdint>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/errno.hpp"
#include "bus_client.hpp"
#include "support/io.hpp"
#include "support/record.hpp"
#include "turn.hpp"

namespace drvbus::test {
namespace {

class BusPublisher : public BusTest {
protected:
    void SetUp() override
    {
        connection_.request_name();
        const char* name = nullptr;
        check(sd_bus_get_unique_name(connection_.handle(), &name), "sd_bus_get_unique_name");
        client_->subscribe(name);
    }

    static record::Event event(std::uint64_t sequence, const std::string& payload)
    {
        return {.sequence = sequence, .time_ns = 77, .id = 5, .flags = 0, .payload = as_bytes(payload)};
    }

    /// The signals received, of which there must be `count`.
    const std::vector<Signal>& signals(std::size_t count)
    {
        EXPECT_TRUE(turn_until(loop_, [&] { return client_->signals().size() >= count; }));
        run_until_idle(loop_);
        EXPECT_EQ(client_->signals().size(), count);
        return client_->signals();
    }

    bus::Connection connection_{loop_, bus::BusType::session, bus::Start::fresh, {[] {}, [] {}, [] {}}};
    std::unique_ptr<BusClient> client_ = std::make_unique<BusClient>(loop_, bus_.address());
    bus::Publisher publisher_{connection_};
    bus::MessageContext channel_{bus::channel_path("sensor"), {{5, "overheat"}}, format::Format::parse("u32 count")};
};

TEST_F(BusPublisher, EventIsASignalOfTheChannel)
{
    EXPECT_TRUE(publisher_.event(channel_, event(1, packed(42U))));
    const Signal signal = signals(1).at(0);
    EXPECT_EQ(signal.path, "/org/drvbus1/channel/sensor");
    EXPECT_EQ(signal.interface, "org.drvbus1.Channel");
    EXPECT_EQ(signal.member, "Event");
    EXPECT_EQ(signal.signature, "sttuv");
    EXPECT_EQ(signal.contents, "\"overheat\" t1 t77 u5 <a{sv}[{\"count\" <u42>}]>");
}

TEST_F(BusPublisher, MismatchIsPublishedAsBytesAndReported)
{
    EXPECT_FALSE(publisher_.event(channel_, event(1, "abc")));
    EXPECT_EQ(signals(1).at(0).contents, "\"mismatch\" t1 t77 u5 <ay[y97 y98 y99]>");
}

TEST_F(BusPublisher, EventWhoseNameSdBusRefusesIsPublishedWithoutIt)
{
    channel_.event_names[5] = "bad\xef\xbf\xbename";  // U+FFFE
    EXPECT_FALSE(publisher_.event(channel_, event(1, packed(42U))));
    EXPECT_TRUE(publisher_.event({channel_.path, {}, channel_.format}, event(2, packed(43U))));
    EXPECT_EQ(signals(2).at(0).contents, "\"5\" t1 t77 u5 <ay[y42 y0 y0 y0]>");
    EXPECT_EQ(signals(2).at(1).contents, "\"5\" t2 t77 u5 <a{sv}[{\"count\" <u43>}]>");
}

TEST_F(BusPublisher, LostHasFirstSequenceAndCount)
{
    publisher_.lost(channel_, 3, UINT64_MAX - 3);
    const Signal signal = signals(1).at(0);
    EXPECT_EQ(signal.path, "/org/drvbus1/channel/sensor");
    EXPECT_EQ(signal.interface, "org.drvbus1.Channel");
    EXPECT_EQ(signal.member, "Lost");
    EXPECT_EQ(signal.signature, "tt");
    EXPECT_EQ(signal.contents, "t3 t18446744073709551612");
}

TEST_F(BusPublisher, SignalsOfAllChannelsKeepTheirOrder)
{
    const bus::MessageContext other{bus::channel_path("other"), {}, {}};
    publisher_.event(channel_, event(1, packed(1U)));
    publisher_.event(other, event(1, "a"));
    publisher_.lost(channel_, 2, 1);
    publisher_.event(channel_, event(3, packed(3U)));
    std::string order;
    for (const Signal& signal : signals(4))
        order += signal.path.substr(signal.path.rfind('/') + 1) + "." + signal.member + " ";
    EXPECT_EQ(order, "sensor.Event other.Event sensor.Lost sensor.Event ");
}

TEST_F(BusPublisher, ConnectionIsFlushedOnceTheBusHasTheEvents)
{
    const int bytes = 32768;
    must(setsockopt(sd_bus_get_fd(connection_.handle()), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), "SO_SNDBUF");
    bus_.stop();
    std::uint64_t sequence = 0;
    while (connection_.is_flushed())
        publisher_.event(channel_, event(++sequence, std::string(10'000, 'x')));
    bus_.resume();
    EXPECT_TRUE(turn_until(loop_, [this] { return connection_.is_flushed(); }));
    EXPECT_EQ(signals(sequence).size(), sequence);
}

TEST_F(BusPublisher, LossOfTheBusIsASendErrorBeforeTheLoopReportsIt)
{
    bus_.kill();
    EXPECT_TRUE(connection_.is_connected());
    EXPECT_THROW(publisher_.event(channel_, event(1, packed(1U))), bus::SendError);
    EXPECT_THROW(publisher_.event(channel_, event(1, packed(1U))), bus::SendError);
    EXPECT_THROW(publisher_.lost(channel_, 2, 1), bus::SendError);
}

TEST(ChannelPath, NameIsEscaped)
{
    EXPECT_EQ(bus::channel_path("sensor"), "/org/drvbus1/channel/sensor");
    EXPECT_EQ(bus::channel_path("a-b_c"), "/org/drvbus1/channel/a_2db_5fc");
    EXPECT_EQ(bus::channel_path("7"), "/org/drvbus1/channel/_37");
}

}  // namespace
}  // namespace drvbus::test

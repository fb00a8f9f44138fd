// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The object tree and its changes when the configuration is reloaded.
#include <csignal>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fifo_test.hpp"
#include "observer.hpp"

namespace drvbus::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const std::string kSensor = "/org/drvbus1/channel/sensor";
const std::string kEscaped = "/org/drvbus1/channel/a_2db_5fc";

class Manager : public FifoTest {
protected:
    [[nodiscard]] std::string sensor(const std::string& settings = {}) const
    {
        return channel("sensor", fifo_.path(), settings);
    }
    [[nodiscard]] std::string escaped() const { return channel("a-b_c", other_.path()); }

    static std::string property(const Interfaces& interfaces, const char* name)
    {
        return interfaces.at(bus::InterfaceName("org.drvbus1.Channel")).at(bus::PropertyName(name)).get<std::string>();
    }

    /// Reloads an invalid configuration. @returns the message of the error
    std::string reload_error(const std::string& configuration)
    {
        configure(configuration);
        try {
            Observer(bus().address()).manager().Reload();
        } catch (const sdbus::Error& error) {
            EXPECT_EQ(std::string(error.getName()), "org.drvbus1.Error.InvalidConfiguration");
            return error.getMessage();
        }
        return "no error";
    }

    void expect_event(std::uint64_t sequence)
    {
        send(sequence);
        ASSERT_TRUE(subscriber_.wait_for(sequence)) << summary(subscriber_);
        EXPECT_EQ(subscriber_.received().gaps(sequence), "");
    }

    Fifo other_{path("other")};
};

TEST_F(Manager, TreeIsEmptyWithoutChannels)
{
    start("");
    const Observer observer(bus().address());
    EXPECT_EQ(observer.manager().Channels(), 0U);
    EXPECT_EQ(observer.manager().EventsPublished(), 0U);
    EXPECT_EQ(observer.manager().EventsLost(), 0U);
    EXPECT_THAT(observer.managed(), IsEmpty());
    EXPECT_THAT(observer.introspect(), testing::Not(HasSubstr("<node name=\"channel")));
}

TEST_F(Manager, ChannelsAreManagedObjects)
{
    start(sensor("format = \"u8 x\"\n") + escaped());
    const Observer observer(bus().address());
    EXPECT_EQ(observer.manager().Channels(), 2U);
    const auto objects = observer.managed();
    ASSERT_EQ(objects.size(), 2U);
    EXPECT_EQ(property(objects.at(kSensor), "Name"), "sensor");
    EXPECT_EQ(property(objects.at(kSensor), "Device"), fifo_.path());
    EXPECT_EQ(property(objects.at(kSensor), "Format"), "u8 x");
    EXPECT_EQ(property(objects.at(kSensor), "State"), "online");
    EXPECT_EQ(property(objects.at(kEscaped), "Name"), "a-b_c");
}

TEST_F(Manager, NameIsEscapedOnlyInThePath)
{
    start(escaped());
    const Subscriber subscriber("a-b_c", bus().address());
    const UniqueFd writer = other_.open_writer();
    write_all(writer.get(), record({.sequence = 1}));
    EXPECT_TRUE(subscriber.wait_for(1));
    EXPECT_EQ(channel_path("a-b_c"), kEscaped);
}

TEST_F(Manager, ReloadAddsAndRemovesChannels)
{
    start(sensor());
    const Observer observer(bus().address());

    configure(sensor() + escaped());
    observer.manager().Reload();
    ASSERT_TRUE(observer.wait([](const ObjectSignals& signals) { return signals.added.contains(kEscaped); }));
    EXPECT_EQ(property(observer.received().added.at(kEscaped), "Name"), "a-b_c");
    EXPECT_EQ(property(observer.received().added.at(kEscaped), "State"), "online");
    EXPECT_EQ(observer.received().added.size(), 1U) << "the existing channel was announced again";
    EXPECT_TRUE(
        observer.wait([](const ObjectSignals& signals) { return signals.changed_to("Channels", std::uint32_t{2}); }));

    configure(escaped());
    observer.manager().Reload();
    ASSERT_TRUE(observer.wait([](const ObjectSignals& signals) { return !signals.removed.empty(); }));
    EXPECT_THAT(observer.received().removed, ElementsAre(kSensor));
    EXPECT_TRUE(
        observer.wait([](const ObjectSignals& signals) { return signals.changed_to("Channels", std::uint32_t{1}); }));
    EXPECT_EQ(observer.managed().size(), 1U);
    EXPECT_EQ(observer.manager().Channels(), 1U);
}

TEST_F(Manager, CountersIncludeRemovedChannels)
{
    start(sensor());
    writer_ = fifo_.open_writer();
    expect_event(1);
    send(5);
    ASSERT_TRUE(subscriber_.wait_for(5));
    const Observer observer(bus().address());
    configure("");
    observer.manager().Reload();
    EXPECT_EQ(observer.manager().Channels(), 0U);
    EXPECT_EQ(observer.manager().EventsPublished(), 2U);
    EXPECT_EQ(observer.manager().EventsLost(), 3U);
}

TEST_F(Manager, ReloadChangesTheFormatOfLaterEvents)
{
    start(sensor("format = \"u32 before\"\n"));
    writer_ = fifo_.open_writer();
    const Observer object(bus().address(), kSensor);
    send(1, packed(7U));
    ASSERT_TRUE(subscriber_.wait_for(1));

    configure(sensor("format = \"u16 after[2]\"\n"));
    Observer(bus().address()).manager().Reload();
    EXPECT_TRUE(object.wait(
        [](const ObjectSignals& signals) { return signals.changed_to("Format", std::string("u16 after[2]")); }));
    send(2, packed(7U));
    ASSERT_TRUE(subscriber_.wait_for(2));
    const Received received = subscriber_.received();
    EXPECT_EQ(received.gaps(2), "");
    EXPECT_EQ(received.events.at(0).fields().at("before").get<std::uint32_t>(), 7U);
    EXPECT_THAT(received.events.at(1).fields().at("after").get<std::vector<std::uint16_t>>(), ElementsAre(7, 0));
}

TEST_F(Manager, ReloadOpensAnotherDevice)
{
    start(sensor());
    writer_ = fifo_.open_writer();
    expect_event(1);
    configure(channel("sensor", other_.path()));
    Observer(bus().address()).manager().Reload();
    EXPECT_EQ(subscriber_.channel().Device(), other_.path());
    writer_ = other_.open_writer();
    send(1);
    ASSERT_TRUE(subscriber_.wait_for(2));
    EXPECT_EQ(subscriber_.received().events.at(1).sequence, 1U);
}

TEST_F(Manager, InvalidConfigurationIsRefusedAndOldOneIsKept)
{
    start(sensor("format = \"u8 x\"\n"));
    writer_ = fifo_.open_writer();
    EXPECT_EQ(reload_error("log_level = 3\n"),
              config_file() + ":1:13: 'log_level' has to be a string in quotes, not a number");
    EXPECT_THAT(reload_error(escaped() + "colour = \"red\"\n"),
                StartsWith(config_file() + ":4:1: 'colour' is not a key of [[channel]]; valid keys are \"name\", "));
    EXPECT_THAT(reload_error(sensor("format = \"u24 x\"\n")),
                HasSubstr(config_file() + ":4:10: the format has an error in line 1, column 1: 'u24' is not a type"));

    const Observer observer(bus().address());
    EXPECT_EQ(observer.managed().size(), 1U);
    send(1, "x");
    ASSERT_TRUE(subscriber_.wait_for(1));
    EXPECT_EQ(subscriber_.received().events.at(0).fields().at("x").get<std::uint8_t>(), 'x');
}

TEST_F(Manager, SighupReloads)
{
    start(sensor());
    writer_ = fifo_.open_writer();
    const Observer observer(bus().address());
    configure(sensor() + escaped());
    daemon().signal(SIGHUP);
    EXPECT_TRUE(observer.wait([](const ObjectSignals& signals) { return signals.added.contains(kEscaped); }));

    configure("nonsense\n");
    daemon().signal(SIGHUP);
    const std::string message =
        "the configuration was not reloaded, the previous one remains in use: " + config_file() + ":1:";
    EXPECT_TRUE(wait_until([&] { return daemon().output().find(message) != std::string::npos; })) << daemon().output();
    EXPECT_EQ(observer.managed().size(), 2U);
    expect_event(1);
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The daemon within the test's process, on a private bus, with FIFOs as devices.
#include "daemon.hpp"

#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "support/io.hpp"
#include "support/private_bus.hpp"
#include "support/process.hpp"
#include "support/record.hpp"
#include "support/subscriber.hpp"

namespace drvbus::test {
namespace {

class InProcessDaemon : public testing::Test {
protected:
    InProcessDaemon() { setenv("DBUS_SESSION_BUS_ADDRESS", bus_.address().c_str(), 1); }

    [[nodiscard]] std::string path(const std::string& name) const { return directory_.path() + "/" + name; }

    void configure(const std::string& text) const { std::ofstream(path("drvbusd.toml")) << text; }
    [[nodiscard]] std::string channel(const std::string& name) const
    {
        return "[[channel]]\nname = \"" + name + "\"\ndevice = \"" + path(name) + "\"\nnotification = \"poll\"\n";
    }

    /// Runs the daemon in this thread, and `script` in another. @param script gets a function that runs its argument in
    /// the daemon's thread and waits for the end of it
    void run(Daemon& daemon, const std::function<void(const std::function<void(std::function<void()>)>&)>& script)
    {
        std::packaged_task<void()> task;
        const DeferredCall call = daemon.loop().deferred(EventLoop::Priority::normal, [&task] { task(); });
        const auto in_daemon = [&](std::function<void()> work) {
            task = std::packaged_task<void()>(std::move(work));
            std::future<void> result = task.get_future();
            call.request();
            result.get();
        };
        std::thread thread([&] {
            script(in_daemon);
            in_daemon([&daemon] { daemon.stop(0); });
        });
        EXPECT_EQ(daemon.run(), 0);
        thread.join();
    }

    [[nodiscard]] ConfigPath config_path() const { return {path("drvbusd.toml"), true, {}}; }

    TemporaryDirectory directory_;
    PrivateBus bus_;
};

TEST_F(InProcessDaemon, EventsOfAllChannelsAreCounted)
{
    const Fifo one(path("one"));
    const Fifo two(path("two"));
    configure(channel("one") + channel("two"));
    Daemon daemon(bus::BusType::session, config_path());
    run(daemon, [&](const auto&) {
        const Subscriber first("one", bus_.address());
        const Subscriber second("two", bus_.address());
        const UniqueFd writer_one = one.open_writer();
        const UniqueFd writer_two = two.open_writer();
        for (const std::uint64_t sequence : {1U, 2U, 3U}) {
            write_all(writer_one.get(), record({.sequence = sequence}));
            write_all(writer_two.get(), record({.sequence = sequence}));
        }
        EXPECT_TRUE(first.wait_for(3));
        EXPECT_TRUE(second.wait_for(3));
    });
    EXPECT_EQ(daemon.properties().channels, 2U);
    EXPECT_GE(daemon.properties().events_published, 4U) << "all but those whose commit the end of the loop prevented";
    EXPECT_EQ(daemon.properties().events_lost, 0U);
}

TEST_F(InProcessDaemon, ReloadAddsAndDeletesChannels)
{
    const Fifo one(path("one"));
    const Fifo two(path("two"));
    configure(channel("one"));
    Daemon daemon(bus::BusType::session, config_path());
    run(daemon, [&](const auto& in_daemon) {
        const auto channels_after = [&](const std::string& config) {
            configure(config);
            std::uint32_t channels = 0;
            in_daemon([&] {
                daemon.reload();
                channels = daemon.properties().channels;
            });
            return channels;
        };
        EXPECT_EQ(channels_after(channel("one") + channel("two")), 2U);
        EXPECT_EQ(channels_after(channel("two")), 1U);
        EXPECT_EQ(channels_after(""), 0U);
    });
}

TEST_F(InProcessDaemon, WrongConfigurationKeepsThePresentOne)
{
    const Fifo one(path("one"));
    configure(channel("one"));
    Daemon daemon(bus::BusType::session, config_path());
    run(daemon, [&](const auto& in_daemon) {
        configure("nonsense = 1\n");
        in_daemon([&] { EXPECT_THROW(daemon.reload(), ConfigError); });
    });
    EXPECT_EQ(daemon.properties().channels, 1U);
}

TEST_F(InProcessDaemon, SecondDaemonIsRefusedByName)
{
    configure("");
    Daemon daemon(bus::BusType::session, config_path());
    run(daemon, [&](const auto& /*in_daemon*/) {
        try {
            const Daemon second(bus::BusType::session, config_path());
            ADD_FAILURE() << "both own the name";
        } catch (const std::runtime_error& error) {
            EXPECT_NE(std::string(error.what()).find("another drvbusd is running"), std::string::npos) << error.what();
        }
    });
}

}  // namespace
}  // namespace drvbus::test

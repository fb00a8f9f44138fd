// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A bus that is slow, and channels that are noisy.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <systemd/sd-bus.h>

#include "fifo_test.hpp"

namespace drvbus::test {
namespace {

/// Memory that the process has in use.
std::uint64_t resident_kib(const Process& process)
{
    return sum_of("VmRSS:", "/proc/" + std::to_string(process.pid()) + "/status");
}

/// Whether the process waits for something to happen.
bool sleeps(const Process& process)
{
    const std::string stat = read_file("/proc/" + std::to_string(process.pid()) + "/stat");
    return stat.at(stat.rfind(')') + 2) == 'S';
}

class SlowBus : public FifoTest {
protected:
    /// Sends events for as long as the daemon takes them. @returns how many
    std::uint64_t fill()
    {
        std::uint64_t sent = 0;
        const auto daemon_has_stopped_reading = [&] {
            // In this order: who sleeps and then finds nothing changed has slept over a full FIFO.
            const bool slept = sleeps(daemon());
            bool full = true;
            while (sent < kFarTooMany && write_once(writer_.get(), record({.sequence = sent + 1}, kPayload))) {
                ++sent;
                full = false;
            }
            return sent == kFarTooMany || (slept && full);
        };
        EXPECT_TRUE(wait_until(daemon_has_stopped_reading));
        EXPECT_LT(sent, kFarTooMany) << "the daemon reads what it cannot publish";
        return sent;
    }

    static constexpr std::uint64_t kFarTooMany = 16'384;
    const std::string kPayload = std::string(1000, 'x');  // small enough for a FIFO to take it whole or not at all
};

TEST_F(SlowBus, StopsTheReadingAndNothingIsLost)
{
    start_channel("format = \"char text[]\"\n");
    narrow_bus();
    const std::size_t before = resident_kib(daemon());
    bus().stop();
    const std::uint64_t sent = fill();
    EXPECT_LT(resident_kib(daemon()), before + 2048);

    // It waits, and does not hang.
    configure("nonsense\n");
    daemon().signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return daemon().output().find("was not reloaded") != std::string::npos; }));

    bus().resume();
    ASSERT_TRUE(subscriber_.wait_for(sent)) << summary(subscriber_);
    const Received received = subscriber_.received();
    EXPECT_EQ(received.gaps(sent), "");
    EXPECT_EQ(received.events.size(), sent);
    for (const Event& event : received.events)
        ASSERT_EQ(event.fields().at("text").get<std::string>(), kPayload);
}

TEST_F(SlowBus, TheDaemonCanBeStopped)
{
    start_channel();
    narrow_bus();
    bus().stop();
    fill();
    daemon().signal(SIGTERM);
    EXPECT_EQ(daemon().wait(5s), 0);
    bus().resume();
}

TEST_F(SlowBus, ManyTimesOverLosesNothing)
{
    start_channel();
    narrow_bus();
    std::uint64_t sent = 0;
    for (int round = 0; round < 20; ++round) {
        bus().stop();
        for (int i = 0; i < 1000; ++i) {
            if (!write_once(writer_.get(), record({.sequence = sent + 1}, kPayload)))
                break;
            ++sent;
        }
        bus().resume();
        ASSERT_TRUE(subscriber_.wait_for(sent)) << summary(subscriber_);
    }
    EXPECT_EQ(subscriber_.received().gaps(sent), "");
}

/// Hears several channels by one connection: in the order in which they were published.
class Order {
public:
    explicit Order(const std::string& address) : connection_(connect(address)) {}
    Order(const Order&) = delete;
    Order& operator=(const Order&) = delete;
    ~Order() { connection_->leaveEventLoop(); }

    void subscribe(char as, const std::string& channel)
    {
        proxies_.push_back(std::make_unique<Proxy>(*connection_, channel_path(channel), [this, as] {
            const std::lock_guard lock(mutex_);
            received_ += as;
        }));
    }
    void listen() { connection_->enterEventLoopAsync(); }
    [[nodiscard]] std::string received() const
    {
        const std::lock_guard lock(mutex_);
        return received_;
    }

private:
    class Proxy final : public sdbus::ProxyInterfaces<org::drvbus1::Channel_proxy> {
    public:
        Proxy(sdbus::IConnection& connection, const std::string& path, std::function<void()> on_event)
            : ProxyInterfaces(connection, bus::ServiceName("org.drvbus1"), sdbus::ObjectPath(path)),
              on_event_(std::move(on_event))
        {
            registerProxy();
        }
        Proxy(const Proxy&) = delete;
        Proxy& operator=(const Proxy&) = delete;
        ~Proxy() { unregisterProxy(); }

    private:
        void onEvent(const std::string&, const std::uint64_t&, const std::uint64_t&, const std::uint32_t&,
                     const sdbus::Variant&) override
        {
            on_event_();
        }
        void onLost(const std::uint64_t&, const std::uint64_t&) override {}

        std::function<void()> on_event_;
    };

    mutable std::mutex mutex_;
    std::string received_;
    std::unique_ptr<sdbus::IConnection> connection_;
    std::vector<std::unique_ptr<Proxy>> proxies_;
};

class Turns : public DaemonTest {};

TEST_F(Turns, ChannelsTakeThemBeforeEitherIsEmpty)
{
    constexpr std::uint64_t kCount = 2000;  // what a FIFO holds
    const Fifo first(path("first"));
    const Fifo second(path("second"));
    start(channel("first", first.path()) + channel("second", second.path()));
    Order order(bus().address());
    order.subscribe('1', "first");
    order.subscribe('2', "second");
    order.listen();
    const UniqueFd to_first = first.open_writer();
    const UniqueFd to_second = second.open_writer();

    daemon().stop();
    for (std::uint64_t i = 1; i <= kCount; ++i) {
        ASSERT_TRUE(write_once(to_first.get(), record({.sequence = i})));
        ASSERT_TRUE(write_once(to_second.get(), record({.sequence = i})));
    }
    daemon().resume();
    ASSERT_TRUE(wait_until([&] { return order.received().size() == 2 * kCount; }));
    const std::string received = order.received();
    const std::size_t last_of_one = std::min(received.rfind('1'), received.rfind('2'));
    EXPECT_GT(last_of_one, kCount) << "one had to wait until the other was empty";
}

/// A channel that always has more, beside the channel "way".
class Noise : public FifoTest, public testing::WithParamInterface<std::size_t> {
protected:
    void start_noise()
    {
        start(channel("noise", noise_.path()) + channel("way", fifo_.path()));
        narrow_bus();
        writer_ = fifo_.open_writer();
        noise_writer_ = noise_.open_writer();
        thread_ = std::thread([this] { make_noise(); });
    }

    void TearDown() override
    {
        quiet_ = true;
        if (thread_.joinable())
            thread_.join();
        FifoTest::TearDown();
    }

    std::atomic<std::uint64_t> made_ = 0;  ///< events, so far

private:
    void make_noise()
    {
        const std::string payload(GetParam(), 'n');
        try {
            while (!quiet_) {
                write_all(noise_writer_.get(), record({.sequence = made_ + 1}, payload));
                ++made_;
            }
        } catch (const std::exception& error) {
            ADD_FAILURE() << "the noise ends: " << error.what();
        }
    }

    Fifo noise_{path("noise")};
    UniqueFd noise_writer_;
    std::atomic<bool> quiet_ = false;
    std::thread thread_;
};

TEST_P(Noise, KeepsNoOtherChannelWaiting)
{
    constexpr std::uint64_t kCount = 20;
    start_noise();  // that nobody subscribes to: no subscriber could keep up
    for (std::uint64_t i = 1; i <= kCount; ++i) {
        const std::uint64_t before = made_;
        ASSERT_TRUE(wait_until([&] { return made_ > before; })) << "there is no noise";
        send(i);
        ASSERT_TRUE(subscriber_.wait_for(i)) << "event " << i << " waits for the noise to end";
    }
    EXPECT_EQ(subscriber_.received().gaps(kCount), "");
}

INSTANTIATE_TEST_SUITE_P(Payloads, Noise, testing::Values(0, 60'000),
                         [](const auto& size) { return "Of" + std::to_string(size.param) + "Bytes"; });

/// Somebody who asks and asks, and does not wait for answers.
class Asker {
public:
    explicit Asker(const std::string& address)
    {
        must(sd_bus_new(&bus_), "sd_bus_new");
        must(sd_bus_set_address(bus_, address.c_str()), "sd_bus_set_address");
        must(sd_bus_set_bus_client(bus_, 1), "sd_bus_set_bus_client");
        must(sd_bus_start(bus_), "sd_bus_start");
    }
    Asker(const Asker&) = delete;
    Asker& operator=(const Asker&) = delete;
    ~Asker() { sd_bus_close_unref(bus_); }

    /// Asks for much.
    void ask()
    {
        call("org.freedesktop.DBus.ObjectManager", "GetManagedObjects",
             [](sd_bus_message* answer, void* self, sd_bus_error*) {
                 const sd_bus_error* const error = sd_bus_message_get_error(answer);
                 ++static_cast<Asker*>(self)->answers_[error == nullptr ? "" : error->name];
                 return 0;
             });
    }

    /// Takes what has come, and asks what is answered behind all else. @returns whether that has been answered
    bool read()
    {
        if (!at_end_)
            call("org.drvbus1.Manager", "None", [](sd_bus_message* answer, void* self, sd_bus_error*) {
                static_cast<Asker*>(self)->at_end_ =
                    sd_bus_message_is_method_error(answer, SD_BUS_ERROR_UNKNOWN_METHOD) > 0;
                return 0;
            });
        while (sd_bus_process(bus_, nullptr) > 0) {
        }
        return at_end_;
    }

    /// How often each error came as an answer; "" where it was none.
    [[nodiscard]] const std::map<std::string, int>& answers() const { return answers_; }

private:
    void call(const char* interface, const char* method, sd_bus_message_handler_t answered)
    {
        must(sd_bus_call_method_async(bus_, nullptr, "org.drvbus1", "/org/drvbus1", interface, method, answered, this,
                                      nullptr),
             "sd_bus_call_method_async");
        must(sd_bus_flush(bus_), "sd_bus_flush");
    }

    sd_bus* bus_ = nullptr;
    bool at_end_ = false;
    std::map<std::string, int> answers_;
};

class Flood : public FifoTest {};

// The bus gives out calls while it takes no answers: those that nobody reads count against the daemon.
TEST_F(Flood, OfCallsIsRefusedWhereTheBusDoesNotTakeTheAnswers)
{
    constexpr int kCalls = 120;  // the bus lets nobody wait for more than 128 answers
    std::string others;
    std::deque<Fifo> fifos;
    for (int i = 0; i < 32; ++i)
        others += channel("other" + std::to_string(i), fifos.emplace_back(path("other" + std::to_string(i))).path());
    start(channel("way", fifo_.path()) + others);
    writer_ = fifo_.open_writer();
    narrow_bus();
    const std::vector<UniqueFd> connection = connections();
    std::deque<Asker> askers;
    for (int i = 0; i < 6; ++i) {
        askers.emplace_back(bus().address());
        for (int call = 0; call < kCalls; ++call)
            askers.back().ask();
    }
    ASSERT_TRUE(wait_until([&] {
        int unread = 0;
        return ioctl(connection.front().get(), FIONREAD, &unread) == 0 && unread == 0 && sleeps(daemon());
    }));

    // All at once: what one does not read keeps the answers from the others.
    EXPECT_TRUE(wait_until([&] {
        bool all = true;
        for (Asker& asker : askers)
            all = asker.read() && all;
        return all;
    }));
    std::map<std::string, int> sums;
    for (const Asker& asker : askers) {
        for (const auto& [error, times] : asker.answers())
            sums[error] += times;
    }
    EXPECT_GT(sums[""], 0);
    EXPECT_GT(sums["org.drvbus1.Error.Busy"], 0) << sums[""] << " were answered";
    EXPECT_LT(sums[""] + sums["org.drvbus1.Error.Busy"], 6 * kCalls) << "and there is an end to that, too";
    EXPECT_EQ(sums.size(), 2U);
    send(1);
    EXPECT_TRUE(subscriber_.wait_for(1)) << "it goes on";
}

}  // namespace
}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Back-pressure from a slow bus, fairness between channels, and the limit on queued answers.
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

/// Anonymous resident memory of the process, in KiB. File pages are not counted: the kernel maps and reclaims them.
std::uint64_t anonymous_kib(const Process& process)
{
    return sum_of("RssAnon:", "/proc/" + std::to_string(process.pid()) + "/status");
}

/// Whether the process is blocked in a system call.
bool is_sleeping(const Process& process)
{
    const std::string stat = read_file("/proc/" + std::to_string(process.pid()) + "/stat");
    return stat.at(stat.rfind(')') + 2) == 'S';
}

class SlowBus : public FifoTest {
protected:
    /// Sends events until the daemon no longer reads them. @returns the number of events
    std::uint64_t send_until_full()
    {
        std::uint64_t sent = 0;
        const auto daemon_has_stopped_reading = [&] {
            // First the state, then the FIFO: the daemon slept although the FIFO was full.
            const bool was_sleeping = is_sleeping(daemon());
            bool full = true;
            while (sent < kFarTooMany && write_once(writer_.get(), record({.sequence = sent + 1}, kPayload))) {
                ++sent;
                full = false;
            }
            return sent == kFarTooMany || (was_sleeping && full);
        };
        EXPECT_TRUE(wait_until(daemon_has_stopped_reading));
        EXPECT_LT(sent, kFarTooMany) << "the daemon reads although it cannot publish";
        return sent;
    }

    static constexpr std::uint64_t kFarTooMany = 16'384;
    // Less than PIPE_BUF with its header: the FIFO takes the complete record or nothing.
    const std::string kPayload = std::string(1000, 'x');
};

TEST_F(SlowBus, DaemonStopsReadingAndLosesNothing)
{
    start_channel("format = \"char text[]\"\n", {{}, disable_huge_pages});
    shrink_send_buffer();
    const std::size_t before = anonymous_kib(daemon());
    bus().stop();
    const std::uint64_t sent = send_until_full();
    EXPECT_LT(anonymous_kib(daemon()), before + 2048);

    // The daemon still handles other events.
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

TEST_F(SlowBus, DaemonCanBeStopped)
{
    start_channel();
    shrink_send_buffer();
    bus().stop();
    send_until_full();
    daemon().signal(SIGTERM);
    EXPECT_EQ(daemon().wait(), 0);
    bus().resume();
}

TEST_F(SlowBus, RepeatedStopsLoseNothing)
{
    start_channel();
    shrink_send_buffer();
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

/// Subscribes to several channels with one connection, to record the order in which their events were published.
class OrderRecorder {
public:
    explicit OrderRecorder(const std::string& address) : connection_(connect(address)) {}
    OrderRecorder(const OrderRecorder&) = delete;
    OrderRecorder& operator=(const OrderRecorder&) = delete;
    ~OrderRecorder() { connection_->leaveEventLoop(); }

    /// Records each event of `channel` as the letter `label`.
    void subscribe(char label, const std::string& channel)
    {
        proxies_.push_back(std::make_unique<Proxy>(*connection_, channel_path(channel), [this, label] {
            const std::lock_guard lock(mutex_);
            received_ += label;
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

class Fairness : public DaemonTest {};

TEST_F(Fairness, ChannelsAreServedInTurnBeforeEitherIsDrained)
{
    constexpr std::uint64_t kCount = 2000;  // fits into a FIFO of 64 KiB
    const Fifo first(path("first"));
    const Fifo second(path("second"));
    start(channel("first", first.path()) + channel("second", second.path()));
    OrderRecorder order(bus().address());
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
    EXPECT_GT(last_of_one, kCount) << "one channel was served only after the other was drained";
}

/// Besides the channel "sensor", a channel "busy" that always has events; the parameter is their payload size.
class BusyChannel : public FifoTest, public testing::WithParamInterface<std::size_t> {
protected:
    void start_busy_channel()
    {
        start(channel("busy", busy_.path()) + channel("sensor", fifo_.path()));
        shrink_send_buffer();
        writer_ = fifo_.open_writer();
        busy_writer_ = busy_.open_writer();
        thread_ = std::thread([this] { send_events(); });
    }

    void TearDown() override
    {
        stop_ = true;
        if (thread_.joinable())
            thread_.join();
        FifoTest::TearDown();
    }

    std::atomic<std::uint64_t> busy_sent_ = 0;  ///< events written to "busy" so far

private:
    void send_events()
    {
        const std::string payload(GetParam(), 'b');
        try {
            while (!stop_) {
                write_all(busy_writer_.get(), record({.sequence = busy_sent_ + 1}, payload));
                ++busy_sent_;
            }
        } catch (const std::exception& error) {
            ADD_FAILURE() << "writing to the busy channel failed: " << error.what();
        }
    }

    Fifo busy_{path("busy")};
    UniqueFd busy_writer_;
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

TEST_P(BusyChannel, DoesNotDelayAnotherChannel)
{
    constexpr std::uint64_t kCount = 20;
    start_busy_channel();  // without a subscriber, which could not keep up
    for (std::uint64_t i = 1; i <= kCount; ++i) {
        const std::uint64_t before = busy_sent_;
        ASSERT_TRUE(wait_until([&] { return busy_sent_ > before; })) << "the busy channel sends no events";
        send(i);
        ASSERT_TRUE(subscriber_.wait_for(i)) << "event " << i << " is delayed by the busy channel";
    }
    EXPECT_EQ(subscriber_.received().gaps(kCount), "");
}

INSTANTIATE_TEST_SUITE_P(Payloads, BusyChannel, testing::Values(0, 60'000),
                         [](const auto& size) { return "Of" + std::to_string(size.param) + "Bytes"; });

/// A client that sends many calls without reading the answers.
class FloodingCaller {
public:
    explicit FloodingCaller(const std::string& address)
    {
        must(sd_bus_new(&bus_), "sd_bus_new");
        must(sd_bus_set_address(bus_, address.c_str()), "sd_bus_set_address");
        must(sd_bus_set_bus_client(bus_, 1), "sd_bus_set_bus_client");
        must(sd_bus_start(bus_), "sd_bus_start");
    }
    FloodingCaller(const FloodingCaller&) = delete;
    FloodingCaller& operator=(const FloodingCaller&) = delete;
    ~FloodingCaller() { sd_bus_close_unref(bus_); }

    /// Sends a call of GetManagedObjects, which has a long answer.
    void send_call()
    {
        call("org.freedesktop.DBus.ObjectManager", "GetManagedObjects",
             [](sd_bus_message* answer, void* self, sd_bus_error*) {
                 const sd_bus_error* const error = sd_bus_message_get_error(answer);
                 ++static_cast<FloodingCaller*>(self)->answers_[error == nullptr ? "" : error->name];
                 return 0;
             });
    }

    /// Reads the answers received so far and sends a last call. @returns whether the last call has been answered
    bool read_answers()
    {
        if (!last_call_answered_)
            call("org.drvbus1.Manager", "None", [](sd_bus_message* answer, void* self, sd_bus_error*) {
                static_cast<FloodingCaller*>(self)->last_call_answered_ =
                    sd_bus_message_is_method_error(answer, SD_BUS_ERROR_UNKNOWN_METHOD) > 0;
                return 0;
            });
        while (sd_bus_process(bus_, nullptr) > 0) {
        }
        return last_call_answered_;
    }

    /// Number of answers by the name of their error; "" for answers without an error.
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
    bool last_call_answered_ = false;
    std::map<std::string, int> answers_;
};

class CallFlood : public FifoTest {};

// The bus delivers calls even if it does not read the answers, which then queue up in the daemon.
TEST_F(CallFlood, CallsAreRefusedWhileAnswersAreQueued)
{
    constexpr int kCalls = 120;  // the bus limits a connection to 128 pending answers
    std::string others;
    std::deque<Fifo> fifos;
    for (int i = 0; i < 32; ++i)
        others += channel("other" + std::to_string(i), fifos.emplace_back(path("other" + std::to_string(i))).path());
    raise_file_limit(512);  // the daemon has several fds for each channel
    start(channel("sensor", fifo_.path()) + others);
    writer_ = fifo_.open_writer();
    shrink_send_buffer();
    const std::vector<UniqueFd> connection = connections();
    std::deque<FloodingCaller> callers;
    for (int i = 0; i < 6; ++i) {
        callers.emplace_back(bus().address());
        for (int call = 0; call < kCalls; ++call)
            callers.back().send_call();
    }
    ASSERT_TRUE(wait_until([&] {
        int unread = 0;
        return ioctl(connection.front().get(), FIONREAD, &unread) == 0 && unread == 0 && is_sleeping(daemon());
    }));

    // All callers in turn: unread answers of one caller block the answers to the others.
    EXPECT_TRUE(wait_until([&] {
        bool all = true;
        for (FloodingCaller& caller : callers)
            all = caller.read_answers() && all;
        return all;
    }));
    std::map<std::string, int> totals;
    for (const FloodingCaller& caller : callers) {
        for (const auto& [error, times] : caller.answers())
            totals[error] += times;
    }
    EXPECT_GT(totals[""], 0);
    EXPECT_GT(totals["org.drvbus1.Error.Busy"], 0) << totals[""] << " were answered";
    EXPECT_LT(totals[""] + totals["org.drvbus1.Error.Busy"], 6 * kCalls)
        << "the number of errors is not limited either";
    EXPECT_EQ(totals.size(), 2U);
    send(1);
    EXPECT_TRUE(subscriber_.wait_for(1)) << "the daemon publishes no events after the flood";
}

}  // namespace
}  // namespace drvbus::test

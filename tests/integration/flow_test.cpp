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
#include "observer.hpp"

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
        const auto on_answer = [](sd_bus_message* answer, void* self, sd_bus_error*) {
            const sd_bus_error* const error = sd_bus_message_get_error(answer);
            ++static_cast<FloodingCaller*>(self)->answers_[error == nullptr ? "" : error->name];
            return 0;
        };
        must(sd_bus_call_method_async(bus_, nullptr, "org.drvbus1", "/org/drvbus1",
                                      "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", on_answer, this,
                                      nullptr),
             "sd_bus_call_method_async");
        must(sd_bus_flush(bus_), "sd_bus_flush");
    }

    /// Sends such calls, with at most `limit` of them unanswered, and reads the answers received so far.
    void exchange(int limit)
    {
        for (; sent_ - answer_count() < limit; ++sent_)
            send_call();
        read_answers();
    }

    /// Sends a call of GetManagedObjects that wants no answer. The bus does not limit the number of these calls.
    void send_call_without_answer()
    {
        sd_bus_message* message = nullptr;
        must(sd_bus_message_new_method_call(bus_, &message, "org.drvbus1", "/org/drvbus1",
                                            "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"),
             "sd_bus_message_new_method_call");
        const std::unique_ptr<sd_bus_message, decltype(&sd_bus_message_unref)> owner(message, sd_bus_message_unref);
        must(sd_bus_message_set_expect_reply(message, 0), "sd_bus_message_set_expect_reply");
        must(sd_bus_send(bus_, message, nullptr), "sd_bus_send");
        must(sd_bus_flush(bus_), "sd_bus_flush");
    }

    /// Reads the answers received so far.
    void read_answers()
    {
        while (sd_bus_process(bus_, nullptr) > 0) {
        }
    }

    /// Reads all answers that the bus has sent or queued for this caller.
    void read_all_answers()
    {
        must(sd_bus_call_method(bus_, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId",
                                nullptr, nullptr, nullptr),
             "GetId");
        read_answers();
    }

    /// Number of answers by the name of their error; "" for answers without an error.
    [[nodiscard]] const std::map<std::string, int>& answers() const { return answers_; }

private:
    [[nodiscard]] int answer_count() const
    {
        int sum = 0;
        for (const auto& [error, count] : answers_)
            sum += count;
        return sum;
    }

    sd_bus* bus_ = nullptr;
    int sent_ = 0;
    std::map<std::string, int> answers_;
};

class CallFlood : public FifoTest {
protected:
    /// Starts the daemon with "sensor" and 32 other channels, so that the answer of GetManagedObjects is long.
    void start_many_channels()
    {
        std::string others;
        for (int i = 0; i < 32; ++i)
            others +=
                channel("other" + std::to_string(i), fifos_.emplace_back(path("other" + std::to_string(i))).path());
        raise_file_limit(512);  // the daemon has several fds for each channel
        start(channel("sensor", fifo_.path()) + others);
        writer_ = fifo_.open_writer();
    }

    /// Waits until the daemon has handled all calls.
    [[nodiscard]] bool wait_until_handled()
    {
        const std::vector<UniqueFd> connection = connections();
        return wait_until([&] {
            int unread = 0;
            return ioctl(connection.front().get(), FIONREAD, &unread) == 0 && unread == 0 && is_sleeping(daemon());
        });
    }

    /// Processor time of the daemon, in ns.
    [[nodiscard]] std::uint64_t cpu_time()
    {
        return std::stoull(read_file("/proc/" + std::to_string(daemon().pid()) + "/schedstat"));
    }

private:
    std::deque<Fifo> fifos_;
};

// The bus delivers calls even if it does not read the answers, which then queue up in the daemon.
TEST_F(CallFlood, CallsAreRefusedWhileAnswersAreQueued)
{
    constexpr int kCalls = 120;  // the bus limits a connection to 128 pending answers
    start_many_channels();
    shrink_send_buffer();
    std::deque<FloodingCaller> callers;
    for (int i = 0; i < 6; ++i) {
        callers.emplace_back(bus().address());
        for (int call = 0; call < kCalls; ++call)
            callers.back().send_call();
    }
    ASSERT_TRUE(wait_until_handled());

    // The daemon publishes the event when the bus has accepted all answers. All callers in turn: unread answers of one
    // caller block the answers to the others.
    send(1);
    ASSERT_TRUE(wait_until([&] {
        for (FloodingCaller& caller : callers)
            caller.read_answers();
        return subscriber_.received().events.size() == 1;
    })) << "the daemon publishes no events after the flood";
    for (FloodingCaller& caller : callers)
        caller.read_all_answers();
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
}

TEST_F(CallFlood, CallerBeyondItsBudgetIsRefused)
{
    start_many_channels();
    FloodingCaller caller(bus().address());
    EXPECT_TRUE(wait_until([&] {
        caller.exchange(100);
        return caller.answers().contains("org.drvbus1.Error.Busy");
    })) << caller.answers().at("")
        << " calls were answered";
}

// A sanitizer keeps memory that was freed, and makes a call as slow as the budget of all callers.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(CallFlood, DelaysNeitherOtherCallersNorEvents)
{
    constexpr int kCalls = 200;
    constexpr int kBursts = 20;
    constexpr int kBurst = 1000;
    start_many_channels();
    const Observer observer(bus().address());
    std::uint64_t begin = cpu_time();
    for (int i = 0; i < kCalls; ++i)
        ASSERT_EQ(observer.managed().size(), 33U);
    const std::uint64_t answer_cost = (cpu_time() - begin) / kCalls;

    FloodingCaller flood(bus().address());
    const std::uint64_t memory = anonymous_kib(daemon());
    begin = cpu_time();
    for (std::uint64_t burst = 1; burst <= kBursts; ++burst) {
        for (int i = 0; i < kBurst; ++i)
            flood.send_call_without_answer();
        EXPECT_NE(observer.manager().Version(), "");  // throws if the call is refused
        send(burst);
    }
    ASSERT_TRUE(subscriber_.wait_for(kBursts)) << summary(subscriber_);
    EXPECT_EQ(subscriber_.received().gaps(kBursts), "");
    ASSERT_TRUE(wait_until_handled());
    // The others wait for as long as the daemon works on the flood. Processor time does not depend on other processes.
    EXPECT_LT(cpu_time() - begin, answer_cost * kBursts * kBurst / 4) << "ns; an answer costs " << answer_cost << " ns";
    EXPECT_LT(anonymous_kib(daemon()), memory + 1024) << "KiB";
}
#endif

}  // namespace
}  // namespace drvbus::test

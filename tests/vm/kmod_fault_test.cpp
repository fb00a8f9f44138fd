// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Failing allocations. Each call of the modules is repeated with another of its allocations failing, until all of them
// have failed once. This needs a kernel with fault injection, so these tests are a program of their own, for the debug
// kernel, which reports memory leaks and invalid accesses in its log.
#include <cerrno>
#include <csignal>
#include <ctime>
#include <functional>
#include <set>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kmod_node.hpp"
#include "sim.hpp"
#include "support/io.hpp"
#include "support/process.hpp"

namespace drvbus::test {
namespace {

/// Makes the Nth allocation of the kernel for this thread fail.
class Fault {
public:
    Fault() = default;
    Fault(const Fault&) = delete;
    Fault& operator=(const Fault&) = delete;
    ~Fault() { set("0"); }

    void arm(unsigned nth) const { set(std::to_string(nth)); }

    /// @returns the number of allocations that were left until the failing one; 0: an allocation has failed
    [[nodiscard]] unsigned disarm() const
    {
        char text[16] = {};
        must(static_cast<int>(pread(fd_.get(), text, sizeof(text) - 1, 0)), "fail-nth");
        set("0");
        return static_cast<unsigned>(std::stoul(text));
    }

private:
    void set(const std::string& text) const { (void)!pwrite(fd_.get(), text.data(), text.size(), 0); }

    UniqueFd fd_{must(open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC), "fail-nth")};
};

class KmodFault : public testing::Test {
protected:
    static void SetUpTestSuite()
    {
        const std::string debug = "/sys/kernel/debug/";
        // Also fail allocations that may sleep, and do not log each failure.
        for (const std::string kind : {"failslab", "fail_page_alloc"}) {
            must(-write_file(debug + kind + "/ignore-gfp-wait", "N"), "ignore-gfp-wait");
            must(-write_file(debug + kind + "/verbose", "0"), "verbose");
        }
        // Fail only page allocations that are too large for the slab allocator. The debug facilities make smaller ones.
        must(-write_file(debug + "fail_page_alloc/min-order", "5"), "min-order");
        load("drvbus_sim");
    }

    /// @returns the number of allocations that a call makes
    static unsigned allocations_of(const std::function<int()>& call)
    {
        constexpr unsigned kMany = 1'000'000;
        const Fault fault;
        fault.arm(kMany);
        EXPECT_EQ(call(), 0);
        return kMany - fault.disarm();
    }

    /// Repeats a call, each time with the next allocation failing, until the call makes no more allocations.
    /// @param call returns 0 or its error
    /// @param after checks the state after each call; gets the result of `call`
    /// @param errors that `call` may return
    /// @param first number of the first allocation to fail
    /// @returns the number of calls that failed
    static unsigned fail_each(const std::function<int()>& call, const std::function<void(int error)>& after,
                              const std::set<int>& errors = {ENOMEM}, unsigned first = 1)
    {
        const Fault fault;
        unsigned failures = 0;
        for (unsigned nth = first;; ++nth) {
            SCOPED_TRACE("allocation " + std::to_string(nth));
            fault.arm(nth);
            const int error = call();
            const bool failed = fault.disarm() == 0;
            if (error != 0) {
                EXPECT_TRUE(errors.contains(error)) << error;
                ++failures;
            }
            after(error);
            if (testing::Test::HasFailure())
                return failures;
            if (!failed) {
                EXPECT_EQ(error, 0) << "failed without a failed allocation";
                RecordProperty("allocations", static_cast<int>(nth - 1));
                return failures;
            }
        }
    }
};

bool exists(const std::string& path)
{
    return access(path.c_str(), F_OK) == 0;
}

SimChannel::Settings small()
{
    SimChannel::Settings settings;
    settings.depth = 4;
    settings.payload_size = 8;
    settings.format = "u64 count";
    settings.event_names = "1 reading,2 overheat";
    return settings;
}

/// A record that is too large for the slab allocator, and a ring that is too large for contiguous pages.
SimChannel::Settings large()
{
    SimChannel::Settings settings;
    settings.depth = 100;
    settings.payload_size = 65'536;
    return settings;
}

/// Checks that the channel works and its node has the right path.
void expect_live(const SimChannel& channel)
{
    EXPECT_TRUE(exists(channel.node()));
    EXPECT_FALSE(exists("/dev/" + channel.name()));
    const Node node(channel);
    EXPECT_EQ(channel.burst(1), 0);
    EXPECT_EQ(node.read().size(), 1U);
}

void expect_removed(const SimChannel& channel)
{
    EXPECT_FALSE(exists(channel.node()));
    EXPECT_FALSE(exists("/sys/class/drvbus/" + channel.name()));
}

class KmodFaultByRing : public KmodFault, public testing::WithParamInterface<SimChannel::Settings> {};

INSTANTIATE_TEST_SUITE_P(Small, KmodFaultByRing, testing::Values(small()));
INSTANTIATE_TEST_SUITE_P(Large, KmodFaultByRing, testing::Values(large()));

TEST_P(KmodFaultByRing, FailedOpenLeaksNothing)
{
    const SimChannel channel("fault", GetParam());
    ASSERT_EQ(channel.burst(2), 0);
    UniqueFd fd;
    const unsigned failures = fail_each(
        [&] {
            fd.reset(open(channel.node().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
            return error_of(fd.get());
        },
        [&](int error) {
            EXPECT_EQ(channel.sysfs("readers"), error == 0 ? 1U : 0U);
            fd.reset();
            EXPECT_EQ(Node(channel).read().size(), 2U);
        });
    EXPECT_GE(failures, 2U);
}

TEST_P(KmodFaultByRing, FailedCreationLeavesNoChannel)
{
    const SimChannel channel("fault", GetParam(), false);
    const unsigned failures = fail_each([&] { return channel.live(true); },
                                        [&](int error) {
                                            if (error != 0) {
                                                expect_removed(channel);
                                                EXPECT_EQ(channel.burst(1), ENODEV);
                                                EXPECT_EQ(channel.live(true), 0);
                                            }
                                            expect_live(channel);
                                            EXPECT_EQ(channel.live(false), 0);
                                            expect_removed(channel);
                                        });
    EXPECT_GE(failures, 10U);
}

TEST_F(KmodFault, RemovalNeverFails)
{
    const SimChannel channel("fault", small());
    const UniqueFd live(must(open("/sys/kernel/config/drvbus_sim/fault/live", O_WRONLY | O_CLOEXEC), "live"));
    fail_each([&] { return error_of(pwrite(live.get(), "0", 1, 0)); },
              [&](int error) {
                  EXPECT_EQ(error, 0);
                  expect_removed(channel);
                  EXPECT_EQ(channel.live(true), 0);
                  expect_live(channel);
              });
}

TEST_F(KmodFault, FailedMkdirLeavesNoDirectory)
{
    const std::string path = "/sys/kernel/config/drvbus_sim/made";
    const unsigned failures = fail_each([&] { return error_of(mkdir(path.c_str(), 0755)); },
                                        [&](int error) {
                                            EXPECT_EQ(exists(path), error == 0);
                                            if (error != 0) {
                                                EXPECT_EQ(mkdir(path.c_str(), 0755), 0);
                                            }
                                            EXPECT_EQ(rmdir(path.c_str()), 0);
                                        });
    EXPECT_GE(failures, 1U);
}

TEST_F(KmodFault, FailedWriteKeepsTheSetting)
{
    const SimChannel channel("fault", small(), false);
    const auto setting_is = [](const std::string& name, const std::string& value) {
        EXPECT_EQ(read_file("/sys/kernel/config/drvbus_sim/fault/" + name), value);
    };
    EXPECT_GE(fail_each([&] { return channel.set("format", "u8 other"); },
                        [&](int error) {
                            setting_is("format", error != 0 ? "u64 count\n" : "u8 other\n");
                            ASSERT_EQ(channel.set("format", "u64 count"), 0);
                        }),
              1U);
    EXPECT_GE(fail_each([&] { return channel.set("event_names", "3 a,4 b"); },
                        [&](int error) {
                            setting_is("event_names", error != 0 ? "1 reading\n2 overheat\n" : "3 a\n4 b\n");
                            ASSERT_EQ(channel.set("event_names", "1 reading,2 overheat"), 0);
                        }),
              3U);
    ASSERT_EQ(channel.live(true), 0);
}

TEST_F(KmodFault, FailedWriteEmitsNoEvent)
{
    const SimChannel channel("fault", small());
    std::uint64_t events = 0;
    EXPECT_GE(fail_each([&] { return channel.emit(1, "0102030405060708"); },
                        [&](int error) {
                            events += error == 0 ? 1 : 0;
                            EXPECT_EQ(channel.sysfs("events"), events);
                        }),
              2U);
}

TEST_F(KmodFault, FailedRegistrationKeepsTheOldEventfd)
{
    const SimChannel channel("fault", small());
    const Node node(channel);
    const UniqueFd old = make_eventfd();
    const UniqueFd other = make_eventfd();
    ASSERT_EQ(node.set_eventfd(old.get()), 0);
    const unsigned failures = fail_each([&] { return node.set_eventfd(other.get()); },
                                        [&](int error) {
                                            read_counter(other.get());
                                            ASSERT_EQ(channel.burst(1), 0);
                                            EXPECT_EQ(read_counter(old.get()), error != 0 ? 1U : 0U);
                                            EXPECT_EQ(read_counter(other.get()), error == 0 ? 1U : 0U);
                                            ASSERT_EQ(node.seek(0, SEEK_END), node.info().next_sequence);
                                            ASSERT_EQ(node.set_eventfd(old.get()), 0);
                                        });
    EXPECT_GE(failures, 1U);
}

/// A module, and how many of the last allocations during its loading are made to fail: all of its own, and some of the
/// kernel's module loader.
struct Loading {
    const char* module;
    unsigned allocations;
};

class KmodFaultLoad : public KmodFault, public testing::WithParamInterface<Loading> {
protected:
    KmodFaultLoad()
    {
        for (const char* const module : {"heartbeat", "drvbus_sim", "drvbus"}) {
            if (exists(std::string("/sys/module/") + module))
                must(-unload(module), module);
        }
        if (module_ != "drvbus")
            load("drvbus");
        utsname names{};
        must(uname(&names), "uname");
        const std::string path = std::string("/usr/lib/modules/") + names.release + "/updates/" + module_ + ".ko";
        file_.reset(must(open(path.c_str(), O_RDONLY | O_CLOEXEC), path.c_str()));
    }

    [[nodiscard]] int load_it() const { return error_of(syscall(SYS_finit_module, file_.get(), "", 0)); }

    const std::string module_{GetParam().module};

private:
    UniqueFd file_;
};

INSTANTIATE_TEST_SUITE_P(Module, KmodFaultLoad,
                         testing::Values(Loading{"drvbus", 40}, Loading{"drvbus_sim", 60}, Loading{"heartbeat", 150}),
                         [](const auto& loading) { return std::string(loading.param.module); });

TEST_P(KmodFaultLoad, FailedLoadLeavesNoModule)
{
    const unsigned allocations = allocations_of([this] { return load_it(); });
    ASSERT_EQ(unload(module_), 0);
    ASSERT_GT(allocations, GetParam().allocations);
    const unsigned failures = fail_each([this] { return load_it(); },
                                        [this](int error) {
                                            EXPECT_EQ(exists("/sys/module/" + module_), error == 0);
                                            if (error == 0) {
                                                EXPECT_EQ(unload(module_), 0);
                                            }
                                        },
                                        // The driver core returns ENODEV for every error of a probe, and the
                                        // module loader returns EINVAL for various errors.
                                        {ENOMEM, ENODEV, EINVAL}, allocations - GetParam().allocations);
    EXPECT_GE(failures, 5U);
}

/// Blocks the signals, so that they remain pending until the test fetches them.
class KmodFaultSignal : public KmodFault {
protected:
    KmodFaultSignal()
    {
        sigemptyset(&signals_);
        sigaddset(&signals_, SIGIO);
        sigaddset(&signals_, kQueued);
        pthread_sigmask(SIG_BLOCK, &signals_, &old_);
        must(fcntl(node_.fd(), F_SETOWN, getpid()), "F_SETOWN");
    }
    ~KmodFaultSignal() override
    {
        node_.close();
        while (next_signal() > 0) {
        }
        pthread_sigmask(SIG_SETMASK, &old_, nullptr);
    }

    [[nodiscard]] int next_signal() const
    {
        const timespec none{};
        return sigtimedwait(&signals_, nullptr, &none);
    }

    inline static const int kQueued = SIGRTMIN + 3;
    SimChannel channel_{"fault", small()};
    Node node_{channel_};

private:
    sigset_t signals_{};
    sigset_t old_{};
};

TEST_F(KmodFaultSignal, FailedRequestForSignalsSendsNone)
{
    const unsigned failures = fail_each([&] { return error_of(fcntl(node_.fd(), F_SETFL, O_NONBLOCK | O_ASYNC)); },
                                        [&](int error) {
                                            EXPECT_EQ((fcntl(node_.fd(), F_GETFL) & O_ASYNC) != 0, error == 0);
                                            ASSERT_EQ(channel_.emit(1), 0);
                                            EXPECT_EQ(next_signal(), error == 0 ? SIGIO : -1);
                                            ASSERT_EQ(fcntl(node_.fd(), F_SETFL, O_NONBLOCK), 0);
                                        });
    EXPECT_GE(failures, 1U);
}

TEST_F(KmodFaultSignal, EmitAllocatesNothingAndSendsSigioIfASignalCannotBeQueued)
{
    const UniqueFd eventfd = make_eventfd();
    ASSERT_EQ(node_.set_eventfd(eventfd.get()), 0);
    must(fcntl(node_.fd(), F_SETSIG, kQueued), "F_SETSIG");
    must(fcntl(node_.fd(), F_SETFL, O_NONBLOCK | O_ASYNC), "O_ASYNC");
    unsigned sigio = 0;
    fail_each(
        [&] {
            const std::string path = "/sys/kernel/config/drvbus_sim/fault/burst";
            const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
            return file ? error_of(write(file.get(), "1", 1)) : errno;
        },
        [&](int error) {
            const int signal = next_signal();
            sigio += signal == SIGIO ? 1 : 0;
            EXPECT_EQ(signal > 0, error == 0);
            EXPECT_EQ(read_counter(eventfd.get()), error == 0 ? 1U : 0U);
            EXPECT_LT(next_signal(), 0) << "more than one signal";
        });
    EXPECT_GT(sigio, 0U) << "no signal failed to be queued";
}

}  // namespace
}  // namespace drvbus::test

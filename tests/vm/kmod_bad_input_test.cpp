// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Invalid calls on a channel's node fail with the documented error and do not harm the channel.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kmod_node.hpp"
#include "sim.hpp"
#include "support/io.hpp"

namespace drvbus::test {
namespace {

/// Checks after each test that the channel still works.
class KmodBadInput : public testing::Test {
protected:
    void TearDown() override
    {
        const Node fresh(channel_);
        ASSERT_EQ(fresh.seek(0, SEEK_END), static_cast<std::int64_t>(channel_.sysfs("events")) + 1);
        ASSERT_EQ(channel_.emit(99), 0);
        const auto records = fresh.read();
        ASSERT_EQ(records.size(), 1U);
        EXPECT_EQ(records.front().id, 99U);
    }

    SimChannel channel_{"bad-input"};
    Node node_{channel_};
};

/// Addresses without a buffer: null, unmapped, in the kernel, and one where a buffer would wrap around.
const std::array<std::uintptr_t, 5> kBadAddresses{0, 8, 0x0000'7fff'ffff'f000, 0xffff'8880'0000'0000,
                                                  0xffff'ffff'ffff'fff8};

void* pointer(std::uintptr_t address)
{
    return reinterpret_cast<void*>(address);
}

/// A page that is followed by an inaccessible one.
class GuardedPage {
public:
    GuardedPage() : page_(mmap(nullptr, 2 * kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
    {
        must(page_ == MAP_FAILED ? -1 : 0, "mmap");
        must(mprotect(static_cast<char*>(page_) + kSize, kSize, PROT_NONE), "mprotect");
    }
    GuardedPage(const GuardedPage&) = delete;
    GuardedPage& operator=(const GuardedPage&) = delete;
    ~GuardedPage() { munmap(page_, 2 * kSize); }

    static constexpr std::size_t kSize = 4096;
    [[nodiscard]] char* last(std::size_t bytes) const { return static_cast<char*>(page_) + kSize - bytes; }

private:
    void* page_;
};

TEST_F(KmodBadInput, RegisteringABadEventfdFails)
{
    EXPECT_EQ(node_.set_eventfd(1'000'000), EBADF) << "not open";
    EXPECT_EQ(node_.set_eventfd(-2), EBADF) << "not a valid descriptor";
    EXPECT_EQ(node_.set_eventfd(std::numeric_limits<int>::min()), EBADF);
    const UniqueFd null(must(open("/dev/null", O_RDONLY | O_CLOEXEC), "/dev/null"));
    EXPECT_EQ(node_.set_eventfd(null.get()), EINVAL);
    EXPECT_EQ(node_.set_eventfd(node_.fd()), EINVAL) << "the node";
}

TEST_F(KmodBadInput, IoctlWithABadPointerFails)
{
    for (const std::uintptr_t address : kBadAddresses) {
        EXPECT_EQ(error_of(ioctl(node_.fd(), DRVBUS_IOC_INFO, pointer(address))), EFAULT) << address;
        EXPECT_EQ(error_of(ioctl(node_.fd(), DRVBUS_IOC_EVENTFD, pointer(address))), EFAULT) << address;
    }
    const GuardedPage page;
    EXPECT_EQ(error_of(ioctl(node_.fd(), DRVBUS_IOC_INFO, page.last(sizeof(drvbus_info) - 1))), EFAULT);
    EXPECT_EQ(error_of(ioctl(node_.fd(), DRVBUS_IOC_INFO, page.last(sizeof(drvbus_info)))), 0);
    EXPECT_EQ(error_of(ioctl(node_.fd(), DRVBUS_IOC_EVENTFD, page.last(3))), EFAULT);
}

TEST_F(KmodBadInput, UnknownIoctlFails)
{
    drvbus_info info{};
    EXPECT_EQ(error_of(ioctl(node_.fd(), _IOR(DRVBUS_IOC_MAGIC, 0x7f, drvbus_info), &info)), ENOTTY);
    EXPECT_EQ(error_of(ioctl(node_.fd(), _IOWR(DRVBUS_IOC_MAGIC, 0x01, drvbus_info), &info)), ENOTTY) << "direction";
    EXPECT_EQ(error_of(ioctl(node_.fd(), _IOR(DRVBUS_IOC_MAGIC, 0x01, std::uint32_t), &info)), ENOTTY) << "size";
    EXPECT_EQ(error_of(ioctl(node_.fd(), _IOR(0xdb, 0x01, drvbus_info), &info)), ENOTTY) << "another driver's magic";
    EXPECT_EQ(error_of(ioctl(node_.fd(), 0, 0)), ENOTTY);
}

TEST_F(KmodBadInput, ReadIntoABadBufferLosesNoEvent)
{
    ASSERT_EQ(channel_.burst(3), 0);
    for (const std::uintptr_t address : kBadAddresses) {
        EXPECT_EQ(error_of(::read(node_.fd(), pointer(address), 4096)), EFAULT) << address;
        EXPECT_EQ(error_of(::pread(node_.fd(), pointer(address), 4096, 2)), EFAULT) << address;
    }
    const GuardedPage page;
    EXPECT_EQ(error_of(::read(node_.fd(), page.last(40), 4096)), EFAULT) << "the buffer ends within the first record";

    EXPECT_EQ(sequences(node_.read()), sequences(1, 3));
}

TEST_F(KmodBadInput, ReadIntoAPartlyBadBufferLosesNoEvent)
{
    ASSERT_EQ(channel_.burst(500), 0);
    const GuardedPage page;
    std::vector<std::uint64_t> got;
    // Records are copied in batches. The batch that reaches the inaccessible page is not returned.
    const ssize_t size = ::read(node_.fd(), page.last(GuardedPage::kSize), 1U << 20U);
    ASSERT_GT(size, 0) << "errno " << errno;
    ASSERT_LE(static_cast<std::size_t>(size), GuardedPage::kSize);
    got = sequences(parse_records({page.last(GuardedPage::kSize), static_cast<std::size_t>(size)}));
    const auto rest = sequences(node_.read());
    got.insert(got.end(), rest.begin(), rest.end());

    EXPECT_EQ(got, sequences(1, 500));
}

TEST_F(KmodBadInput, ReadWithAHugeCountReturnsAllEvents)
{
    constexpr std::size_t kHuge = std::size_t{1} << 32U;
    void* const huge = mmap(nullptr, kHuge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT_NE(huge, MAP_FAILED);
    EXPECT_EQ(error_of(::read(node_.fd(), huge, kHuge)), EAGAIN);
    ASSERT_EQ(channel_.burst(1000), 0);
    const ssize_t size = ::read(node_.fd(), huge, kHuge);
    ASSERT_GT(size, 0) << "errno " << errno;
    const auto got = sequences(parse_records({static_cast<char*>(huge), static_cast<std::size_t>(size)}));
    munmap(huge, kHuge);

    EXPECT_EQ(got, sequences(1, 1000));
}

TEST_F(KmodBadInput, ReadWithACountBeyondTheAddressSpaceFails)
{
    ASSERT_EQ(channel_.burst(3), 0);
    std::array<char, 4096> buffer{};
    for (const std::size_t count :
         {std::numeric_limits<std::size_t>::max(), static_cast<std::size_t>(std::numeric_limits<ssize_t>::max())}) {
        const volatile std::size_t hidden_from_the_compiler = count;
        EXPECT_EQ(error_of(::read(node_.fd(), buffer.data(), hidden_from_the_compiler)), EFAULT) << count;
    }

    EXPECT_EQ(sequences(node_.read()), sequences(1, 3));
}

TEST_F(KmodBadInput, InvalidPositionIsRejected)
{
    ASSERT_EQ(channel_.burst(3), 0);
    ASSERT_EQ(node_.seek(2, SEEK_SET), 2);
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
    constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
    EXPECT_EQ(node_.pread_error(-1), EINVAL);
    EXPECT_EQ(node_.pread_error(kLeast), EINVAL);
    EXPECT_EQ(node_.pread_error(kMost), EINVAL) << "the end of the range overflows";
    EXPECT_EQ(node_.pread_error(kMost / 2), EAGAIN) << "far ahead of the next event";
    EXPECT_EQ(node_.seek(-1, SEEK_SET), -EINVAL);
    EXPECT_EQ(node_.seek(5, SEEK_SET), -EINVAL) << "after the next event";
    EXPECT_EQ(node_.seek(1, SEEK_END), -EINVAL);
    EXPECT_EQ(node_.seek(-5, SEEK_END), -EINVAL) << "before the first";
    EXPECT_EQ(node_.seek(-3, SEEK_CUR), -EINVAL);
    for (const int whence : {SEEK_SET, SEEK_CUR, SEEK_END}) {
        EXPECT_EQ(node_.seek(kMost, whence), -EINVAL) << whence;
        EXPECT_EQ(node_.seek(kLeast, whence), -EINVAL) << whence;
    }
    EXPECT_EQ(node_.seek(0, SEEK_DATA), -EINVAL);
    EXPECT_EQ(node_.seek(0, 99), -EINVAL);

    EXPECT_EQ(sequences(node_.read()), sequences(2, 3)) << "the position has not moved";
}

TEST_F(KmodBadInput, UnsupportedOperationsFail)
{
    EXPECT_EQ(error_of(::write(node_.fd(), "x", 1)), EBADF);
    const UniqueFd writable(must(open(channel_.node().c_str(), O_RDWR | O_CLOEXEC), "open"));
    EXPECT_EQ(error_of(::write(writable.get(), "x", 1)), EINVAL);
    EXPECT_EQ(error_of(::pwrite(writable.get(), "x", 1, 0)), EINVAL);
    EXPECT_EQ(mmap(nullptr, 4096, PROT_READ, MAP_SHARED, node_.fd(), 0), MAP_FAILED);
    EXPECT_EQ(errno, ENODEV);
    EXPECT_EQ(error_of(ftruncate(writable.get(), 0)), EINVAL);
}

}  // namespace
}  // namespace drvbus::test

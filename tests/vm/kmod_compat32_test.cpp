// SPDX-License-Identifier: LGPL-2.1-or-later
//
// System calls of 32-bit processes on a 64-bit kernel. A 64-bit program can make them, too: `int $0x80` uses the
// 32-bit entry of the kernel. Only the addresses have to be below 4 GiB.
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "kmod_node.hpp"
#include "sim.hpp"
#include "support/io.hpp"

namespace drvbus::test {
namespace {

// Numbers of 32-bit system calls (arch/x86/entry/syscalls/syscall_32.tbl).
constexpr int kRead = 3;
constexpr int kIoctl = 54;
constexpr int kLlseek = 140;
constexpr int kPoll = 168;
constexpr int kPread64 = 180;

using Word = std::uint32_t;

Word word(int value)
{
    return static_cast<Word>(value);
}

/// @returns the result of the system call; negative: an error
int call32(int number, Word first, Word second = 0, Word third = 0, Word fourth = 0, Word fifth = 0)
{
    // The kernel must ignore the upper halves of the registers.
    constexpr std::uint64_t kUpperHalf = 0xdeadbeef'00000000;
    std::uint64_t result = static_cast<std::uint64_t>(number);
    asm volatile("int $0x80"
                 : "+a"(result)
                 : "b"(first | kUpperHalf), "c"(second | kUpperHalf), "d"(third | kUpperHalf), "S"(fourth | kUpperHalf),
                   "D"(fifth | kUpperHalf)
                 : "memory", "cc", "r8", "r9", "r10", "r11");
    return static_cast<int>(result);
}

/// Memory at an address of 32 bits.
class LowMemory {
public:
    LowMemory() : base_(mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0))
    {
        must(base_ == MAP_FAILED ? -1 : 0, "mmap");
    }
    LowMemory(const LowMemory&) = delete;
    LowMemory& operator=(const LowMemory&) = delete;
    ~LowMemory() { munmap(base_, kSize); }

    static constexpr std::size_t kSize = 65'536;

    [[nodiscard]] Word address() const { return static_cast<Word>(reinterpret_cast<std::uintptr_t>(base_)); }
    template <typename Value>
    [[nodiscard]] Value& as() const
    {
        return *static_cast<Value*>(base_);
    }
    [[nodiscard]] std::string_view text(int size) const
    {
        return {static_cast<const char*>(base_), static_cast<std::size_t>(size)};
    }

private:
    void* base_;
};

class KmodCompat32 : public testing::Test {
protected:
    [[nodiscard]] int ioctl32(unsigned long request, Word argument) const
    {
        return call32(kIoctl, word(node_.fd()), static_cast<Word>(request), argument);
    }

    SimChannel channel_{"compat"};
    Node node_{channel_};
    LowMemory memory_;
};

TEST_F(KmodCompat32, ReadReturnsRecords)
{
    EXPECT_EQ(call32(kRead, word(node_.fd()), memory_.address(), LowMemory::kSize), -EAGAIN);
    ASSERT_EQ(channel_.emit(7, "0102030405", true), 0);
    EXPECT_EQ(call32(kRead, word(node_.fd()), memory_.address(), 39), -EINVAL);
    EXPECT_EQ(call32(kRead, word(node_.fd()), 0, LowMemory::kSize), -EFAULT);

    const int size = call32(kRead, word(node_.fd()), memory_.address(), LowMemory::kSize);
    ASSERT_EQ(size, 40);
    const auto records = parse_records(memory_.text(size));
    ASSERT_EQ(sequences(records), sequences(1, 1));
    EXPECT_EQ(records.front().id, 7U);
    EXPECT_EQ(records.front().payload, "\x01\x02\x03\x04\x05");
}

TEST_F(KmodCompat32, PreadUsesAll64BitsOfTheOffset)
{
    ASSERT_EQ(channel_.burst(10), 0);
    const int size = call32(kPread64, word(node_.fd()), memory_.address(), LowMemory::kSize, 9, 0);
    ASSERT_GT(size, 0);
    EXPECT_EQ(sequences(parse_records(memory_.text(size))), sequences(9, 10));
    // The upper half of the offset is used, too.
    EXPECT_EQ(call32(kPread64, word(node_.fd()), memory_.address(), LowMemory::kSize, 9, 1), -EAGAIN);
}

TEST_F(KmodCompat32, LseekUsesAll64BitsOfTheOffset)
{
    ASSERT_EQ(channel_.burst(10), 0);
    std::int64_t& position = memory_.as<std::int64_t>();
    const auto seek = [&](Word high, Word low, int whence) {
        return call32(kLlseek, word(node_.fd()), high, low, memory_.address(), word(whence));
    };
    ASSERT_EQ(seek(0, 0, SEEK_END), 0);
    EXPECT_EQ(position, 11);
    ASSERT_EQ(seek(0xffff'ffff, 0xffff'fffe, SEEK_CUR), 0);
    EXPECT_EQ(position, 9);
    EXPECT_EQ(seek(1, 9, SEEK_SET), -EINVAL);
    EXPECT_EQ(sequences(node_.read()), sequences(9, 10));
}

TEST_F(KmodCompat32, InfoIsThatOfA64BitProcess)
{
    ASSERT_EQ(channel_.burst(1030), 0);
    ASSERT_EQ(ioctl32(DRVBUS_IOC_INFO, memory_.address()), 0);
    const drvbus_info expected = node_.info();
    EXPECT_EQ(std::memcmp(&memory_.as<drvbus_info>(), &expected, sizeof(expected)), 0);
    EXPECT_EQ(memory_.as<drvbus_info>().oldest_sequence, 7U);
    EXPECT_EQ(ioctl32(DRVBUS_IOC_INFO, 0), -EFAULT);
    EXPECT_EQ(ioctl32(DRVBUS_IOC_INFO + 0x7e, memory_.address()), -ENOTTY);
}

TEST_F(KmodCompat32, EventfdCountsEvents)
{
    const UniqueFd semaphore = make_eventfd(EFD_SEMAPHORE);
    ASSERT_EQ(channel_.burst(1), 0);
    memory_.as<std::int32_t>() = semaphore.get();
    ASSERT_EQ(ioctl32(DRVBUS_IOC_EVENTFD, memory_.address()), 0);
    ASSERT_EQ(channel_.burst(1), 0);
    memory_.as<std::int32_t>() = -1;
    ASSERT_EQ(ioctl32(DRVBUS_IOC_EVENTFD, memory_.address()), 0);
    ASSERT_EQ(channel_.burst(1), 0);

    EXPECT_EQ(read_counter(semaphore.get()), 1U);
    EXPECT_EQ(read_counter(semaphore.get()), 1U);
    EXPECT_EQ(read_counter(semaphore.get()), 0U);
    memory_.as<std::int32_t>() = node_.fd();
    EXPECT_EQ(ioctl32(DRVBUS_IOC_EVENTFD, memory_.address()), -EINVAL);
    memory_.as<std::int32_t>() = 1'000'000;
    EXPECT_EQ(ioctl32(DRVBUS_IOC_EVENTFD, memory_.address()), -EBADF);
    EXPECT_EQ(ioctl32(DRVBUS_IOC_EVENTFD, 0), -EFAULT);
}

TEST_F(KmodCompat32, PollReportsAnUrgentEvent)
{
    pollfd& entry = memory_.as<pollfd>();
    entry = {node_.fd(), POLLIN | POLLPRI, 0};
    EXPECT_EQ(call32(kPoll, memory_.address(), 1, 0), 0);
    ASSERT_EQ(channel_.emit(1, "", true), 0);
    EXPECT_EQ(call32(kPoll, memory_.address(), 1, 0), 1);
    EXPECT_EQ(entry.revents, POLLIN | POLLPRI);
}

}  // namespace
}  // namespace drvbus::test

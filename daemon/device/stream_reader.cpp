// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <system_error>

#include <linux/drvbus.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/event.hpp"
#include "device/reader.hpp"

namespace drvbus::device {

namespace {

// Room for a record of the largest size behind the part of another.
constexpr std::size_t kCapacity = 2 * (sizeof(drvbus_record) + DRVBUS_PAYLOAD_MAX);

/// A FIFO without a writer reads as ended, but the next writer may come.
bool ends(int fd)
{
    struct stat status {};
    return fstat(fd, &status) < 0 || !S_ISFIFO(status.st_mode);
}

/// read() that takes no news as 0 bytes and `ended` as false.
std::size_t read_some(int fd, std::span<std::byte> into, bool& ended)
{
    for (;;) {
        const ssize_t got = ::read(fd, into.data(), into.size());
        if (got > 0)
            return static_cast<std::size_t>(got);
        if (got == 0) {
            ended = ends(fd);
            return 0;
        }
        if (errno == EAGAIN)
            return 0;
        if (errno != EINTR)
            throw std::system_error(errno, std::generic_category(), "reading the device");
    }
}

/// Bytes read from a device and not yet published. The memory is left untouched until it is needed.
class Pending {
public:
    [[nodiscard]] std::span<const std::byte> bytes() const { return {memory_.get() + begin_, end_ - begin_}; }

    /// Free room at the end, at least as large as a record of the largest size if all whole records are taken.
    [[nodiscard]] std::span<std::byte> room()
    {
        if (begin_ > 0) {
            std::memmove(memory_.get(), memory_.get() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        }
        return {memory_.get() + end_, kCapacity - end_};
    }

    void added(std::size_t bytes) { end_ += bytes; }
    void taken(std::size_t bytes) { begin_ += bytes; }

private:
    std::unique_ptr<std::byte[]> memory_ = std::make_unique_for_overwrite<std::byte[]>(kCapacity);
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

class RecordReader final : public Reader {
public:
    explicit RecordReader(int fd) : fd_(fd) {}

    Batch read() override
    {
        if (const std::size_t held = whole_records(); held > 0)
            return {Status::events, pending_.bytes().first(held)};
        bool ended = false;
        pending_.added(read_some(fd_, pending_.room(), ended));
        if (const std::size_t held = whole_records(); held > 0)
            return {Status::events, pending_.bytes().first(held)};
        return {ended ? Status::end : Status::empty, {}};
    }

    void commit(std::uint64_t /*next_sequence*/, std::size_t bytes) override { pending_.taken(bytes); }

private:
    [[nodiscard]] std::size_t whole_records() const
    {
        const std::span<const std::byte> bytes = pending_.bytes();
        std::size_t held = 0;
        for (;;) {
            const Record record = parse_record(bytes.subspan(held));
            if (record.state == Record::State::malformed && held == 0)
                throw std::runtime_error("the device sends bytes that are no drvbus records; "
                                         "set records = \"raw\" if each read of it is one event");
            if (record.state != Record::State::whole)
                return held;
            held += record.size;
        }
    }

    int fd_;
    Pending pending_;
};

std::uint64_t monotonic_ns()
{
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

class RawReader final : public Reader {
public:
    explicit RawReader(int fd) : fd_(fd) {}

    Batch read() override
    {
        if (held_ > 0)
            return {Status::events, {memory_.get(), held_}};
        bool ended = false;
        drvbus_record header{};
        const std::span<std::byte> room(memory_.get() + sizeof(header), DRVBUS_PAYLOAD_MAX);
        const std::size_t got = read_some(fd_, room, ended);
        if (got == 0)
            return {ended ? Status::end : Status::empty, {}};

        header.sequence = next_sequence_;
        header.time_ns = monotonic_ns();
        header.length = static_cast<__u32>(got);
        std::memcpy(memory_.get(), &header, sizeof(header));
        const std::size_t padding = (DRVBUS_RECORD_ALIGN - got % DRVBUS_RECORD_ALIGN) % DRVBUS_RECORD_ALIGN;
        std::memset(memory_.get() + sizeof(header) + got, 0, padding);
        held_ = sizeof(header) + got + padding;
        return {Status::events, {memory_.get(), held_}};
    }

    void commit(std::uint64_t next_sequence, std::size_t bytes) override
    {
        if (bytes == 0)
            return;
        next_sequence_ = next_sequence;
        held_ = 0;
    }

private:
    int fd_;
    std::uint64_t next_sequence_ = 1;
    std::size_t held_ = 0;  ///< bytes of the one record that is not yet committed
    std::unique_ptr<std::byte[]> memory_ =
        std::make_unique_for_overwrite<std::byte[]>(sizeof(drvbus_record) + DRVBUS_PAYLOAD_MAX);
};

}  // namespace

std::unique_ptr<Reader> make_stream_reader(int fd, Framing framing)
{
    if (framing == Framing::raw)
        return std::make_unique<RawReader>(fd);
    return std::make_unique<RecordReader>(fd);
}

}  // namespace drvbus::device

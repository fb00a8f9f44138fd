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

std::uint64_t monotonic_ns()
{
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

class StreamReader : public Reader {
public:
    StreamReader(int fd, Ledger& ledger) : fd_(fd), log_(ledger.log()), progress_(ledger.progress()) {}

    Batch read() override
    {
        if (const std::size_t held = whole_records(); held > 0)
            return {Status::events, log_.since(progress_.bytes).first(held)};
        bool ended = finished_;
        if (!finished_)
            fill(ended);
        if (const std::size_t held = whole_records(); held > 0)
            return {Status::events, log_.since(progress_.bytes).first(held)};
        return {ended ? Status::end : Status::empty, {}};
    }

    void commit(const Progress& progress) override { progress_ = progress; }

    void finish() override { finished_ = true; }

    std::span<const std::byte> read_at(std::uint64_t since) override
    {
        std::span<const std::byte> rest = log_.since(std::max(log_.begin(), progress_.instance_begin));
        for (;;) {
            const Record record = parse_record(rest);
            if (record.state != Record::State::whole)
                return {};
            if (record.event.sequence >= since)
                return rest;
            rest = rest.subspan(record.size);
        }
    }

    std::uint64_t next_sequence() override { return progress_.next_sequence; }

protected:
    /// Takes what the device has into the log.
    virtual void fill(bool& ended) = 0;

    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] Log& log() const noexcept { return log_; }
    [[nodiscard]] std::span<std::byte> room() const { return log_.room(progress_.bytes); }

private:
    /// Bytes of the records that are not committed.
    [[nodiscard]] std::size_t whole_records() const
    {
        const std::span<const std::byte> bytes = log_.since(progress_.bytes);
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
    Log& log_;
    Progress progress_;
    bool finished_ = false;
};

// What an earlier process read, and was killed before it could say so, each reader finds as it is made.

/// The bytes are records already.
class RecordReader final : public StreamReader {
public:
    RecordReader(int fd, Ledger& ledger) : StreamReader(fd, ledger) { log().added(log().arrived(0)); }

private:
    void fill(bool& ended) override { log().added(read_some(fd(), room(), ended)); }
};

/// What each read() gives is one payload.
class RawReader final : public StreamReader {
public:
    RawReader(int fd, Ledger& ledger) : StreamReader(fd, ledger)
    {
        // There is nothing else to publish when a device is read.
        if (log().end() == ledger.progress().bytes)
            add(log().arrived(sizeof(drvbus_record)));
    }

private:
    void fill(bool& ended) override
    {
        add(read_some(fd(), room().subspan(sizeof(drvbus_record), DRVBUS_PAYLOAD_MAX), ended));
    }

    /// Makes a record of the `size` bytes that came into the room.
    void add(std::size_t size)
    {
        if (size == 0)
            return;
        const std::span<std::byte> record = room();
        drvbus_record header{};
        header.sequence = next_sequence();
        header.time_ns = monotonic_ns();
        header.length = static_cast<__u32>(size);
        std::memcpy(record.data(), &header, sizeof(header));
        const std::size_t padding = (DRVBUS_RECORD_ALIGN - size % DRVBUS_RECORD_ALIGN) % DRVBUS_RECORD_ALIGN;
        log().added(sizeof(header) + size + padding);
        // Not earlier: to the next process it would look like more that came.
        std::memset(record.data() + sizeof(header) + size, 0, padding);
    }
};

}  // namespace

std::unique_ptr<Reader> make_stream_reader(int fd, Framing framing, Ledger& ledger)
{
    if (framing == Framing::raw)
        return std::make_unique<RawReader>(fd, ledger);
    return std::make_unique<RecordReader>(fd, ledger);
}

}  // namespace drvbus::device

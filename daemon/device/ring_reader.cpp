// SPDX-License-Identifier: LGPL-2.1-or-later
#include <array>
#include <cerrno>
#include <system_error>

#include <linux/drvbus.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "device/reader.hpp"

namespace drvbus::device {

namespace {

// Shared by all ring readers: the daemon has one thread, and what a turn did not publish is read again.
// Room for one record of the largest size, which is some thousand of the usual one.
alignas(DRVBUS_RECORD_ALIGN) std::array<std::byte, sizeof(drvbus_record) + DRVBUS_PAYLOAD_MAX> buffer;

class RingReader final : public Reader {
public:
    RingReader(int fd, const Progress& progress) : fd_(fd) { commit(progress); }

    Batch read() override
    {
        if (finished_)
            return {Status::end, {}};
        const ssize_t got = read_from(position_);
        if (got < 0)
            return {Status::empty, {}};
        if (got == 0)
            return {Status::end, {}};
        return {Status::events, std::span(buffer).first(static_cast<std::size_t>(got))};
    }

    void commit(const Progress& progress) override
    {
        if (lseek(fd_, static_cast<off_t>(progress.next_sequence), SEEK_SET) < 0)
            throw std::system_error(errno, std::generic_category(), "moving the position of the channel");
        position_ = progress.next_sequence;
    }

    void finish() override { finished_ = true; }

    std::span<const std::byte> read_at(std::uint64_t since) override
    {
        const ssize_t got = read_from(since);
        return std::span(buffer).first(got < 0 ? 0 : static_cast<std::size_t>(got));
    }

    std::uint64_t next_sequence() override
    {
        drvbus_info info{};
        if (ioctl(fd_, DRVBUS_IOC_INFO, &info) < 0)
            throw std::system_error(errno, std::generic_category(), "asking the channel about itself");
        return info.next_sequence;
    }

private:
    /// @returns -1 where there is nothing yet, 0 at the end
    [[nodiscard]] ssize_t read_from(std::uint64_t position) const
    {
        ssize_t got = 0;
        do
            got = pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(position));
        while (got < 0 && errno == EINTR);
        if (got < 0 && errno != EAGAIN)
            throw std::system_error(errno, std::generic_category(), "reading the channel");
        return got;
    }

    int fd_;
    std::uint64_t position_ = 0;
    bool finished_ = false;
};

}  // namespace

std::unique_ptr<Reader> make_ring_reader(int fd, const Progress& progress)
{
    return std::make_unique<RingReader>(fd, progress);
}

}  // namespace drvbus::device

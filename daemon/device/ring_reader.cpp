// SPDX-License-Identifier: LGPL-2.1-or-later
#include <array>
#include <cerrno>
#include <system_error>

#include <linux/drvbus.h>
#include <unistd.h>

#include "device/reader.hpp"

namespace drvbus::device {

namespace {

// Shared by all ring readers: the daemon has one thread, and what a turn did not publish is read again.
// Room for one record of the largest size, which is some thousand of the usual one.
alignas(DRVBUS_RECORD_ALIGN) std::array<std::byte, sizeof(drvbus_record) + DRVBUS_PAYLOAD_MAX> buffer;

class RingReader final : public Reader {
public:
    RingReader(int fd, std::uint64_t position) : fd_(fd), position_(position) {}

    Batch read() override
    {
        ssize_t got = 0;
        do
            got = pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(position_));
        while (got < 0 && errno == EINTR);
        if (got < 0 && errno == EAGAIN)
            return {Status::empty, {}};
        if (got < 0)
            throw std::system_error(errno, std::generic_category(), "reading the channel");
        if (got == 0)
            return {Status::end, {}};

        return {Status::events, std::span(buffer).first(static_cast<std::size_t>(got))};
    }

    void commit(std::uint64_t next_sequence, std::size_t /*bytes*/) override
    {
        if (lseek(fd_, static_cast<off_t>(next_sequence), SEEK_SET) < 0)
            throw std::system_error(errno, std::generic_category(), "moving the position of the channel");
        position_ = next_sequence;
    }

private:
    int fd_;
    std::uint64_t position_;
};

}  // namespace

std::unique_ptr<Reader> make_ring_reader(int fd, std::uint64_t position)
{
    return std::make_unique<RingReader>(fd, position);
}

}  // namespace drvbus::device

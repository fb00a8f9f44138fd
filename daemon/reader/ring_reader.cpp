// SPDX-License-Identifier: LGPL-2.1-or-later
#include <array>
#include <cerrno>
#include <system_error>

#include <linux/drvbus.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "reader/reader.hpp"
#include "record/record.hpp"

namespace drvbus::reader {

namespace {

// All ring readers share it: the daemon has one thread, and events that a turn did not publish are read again. The size
// is that of the largest record, or of about a thousand small ones.
alignas(DRVBUS_RECORD_ALIGN) std::array<std::byte, sizeof(drvbus_record) + DRVBUS_PAYLOAD_MAX> buffer;

class RingReader final : public Reader {
public:
    RingReader(int fd, const checkpoint::Progress& progress) : fd_(fd) { commit(progress); }

    Batch read() override
    {
        if (position_ >= end_)
            return {Status::input_ended, {}};
        const ssize_t got = read_from(position_);
        if (got < 0)
            return {Status::drained, {}};
        const std::span<const std::byte> records = before_end(std::span(buffer).first(static_cast<std::size_t>(got)));
        return {records.empty() ? Status::input_ended : Status::events, records};
    }

    void commit(const checkpoint::Progress& progress) override
    {
        if (lseek(fd_, static_cast<off_t>(progress.next_sequence), SEEK_SET) < 0)
            throw std::system_error(errno, std::generic_category(), "lseek of the channel");
        position_ = progress.next_sequence;
    }

    void finish() override
    {
        drvbus_info info{};
        end_ = ioctl(fd_, DRVBUS_IOC_INFO, &info) < 0 ? position_ : info.next_sequence;
    }

    std::span<const std::byte> read_at(std::uint64_t since) override
    {
        const ssize_t got = read_from(since);
        return std::span(buffer).first(got < 0 ? 0 : static_cast<std::size_t>(got));
    }

    std::uint64_t next_sequence() override
    {
        drvbus_info info{};
        if (ioctl(fd_, DRVBUS_IOC_INFO, &info) < 0)
            throw std::system_error(errno, std::generic_category(), "DRVBUS_IOC_INFO");
        return info.next_sequence;
    }

    const char* loss_cause() const noexcept override
    {
        return "they were overwritten before they could be published; a deeper ring holds more";
    }

private:
    /// @returns the number of bytes read; -1 if there is no event yet; 0 if the channel was removed and is drained
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

    /// The records whose sequence is below `end_`.
    [[nodiscard]] std::span<const std::byte> before_end(std::span<const std::byte> records) const
    {
        std::size_t size = end_ == UINT64_MAX ? records.size() : 0;
        while (size < records.size()) {
            const record::Record record = record::parse_record(records.subspan(size));
            if (record.state == record::Record::State::complete && record.event.sequence >= end_)
                break;
            // The pump reports malformed records.
            size = record.state == record::Record::State::complete ? size + record.size : records.size();
        }
        return records.first(size);
    }

    int fd_;
    std::uint64_t position_ = 0;
    std::uint64_t end_ = UINT64_MAX;  // sequence of the first event after finish()
};

}  // namespace

std::unique_ptr<Reader> make_ring_reader(int fd, const checkpoint::Progress& progress)
{
    return std::make_unique<RingReader>(fd, progress);
}

}  // namespace drvbus::reader

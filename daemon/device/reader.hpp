// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace drvbus::device {

/// Gets events out of an open device. What it hands out stays with the device, or with the reader,
/// until `commit` says that it has been published.
class Reader {
public:
    enum class Status : std::uint8_t {
        events,  ///< at least one; there may be further ones behind them
        empty,   ///< no event now
        end,     ///< no event now and none will come: the channel is gone
    };

    struct Batch {
        Status status;
        std::span<const std::byte> records;  ///< whole records, for parse_record; valid until the next call
    };

    Reader() = default;
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    virtual ~Reader() = default;

    /// The events at the front, without moving past them.
    /// @throws std::system_error where the device fails, std::runtime_error where its bytes are no records
    [[nodiscard]] virtual Batch read() = 0;

    /// The first `bytes` of the last batch are published; `next_sequence` follows them.
    virtual void commit(std::uint64_t next_sequence, std::size_t bytes) = 0;
};

/// How a device that is read as a stream marks off its events.
enum class Framing : std::uint8_t {
    records,  ///< struct drvbus_record, one after another
    raw,      ///< each read() gives one payload; numbered and timed here
};

/// Reader of a channel's node: pread() at the position, lseek() to commit. The kernel's ring holds
/// whatever is not committed, so nothing is kept here; the buffer is one for all channels.
/// @param fd stays the caller's
/// @param position sequence to start at
[[nodiscard]] std::unique_ptr<Reader> make_ring_reader(int fd, std::uint64_t position);

/// Reader of anything else that can be read: an old-style driver, a FIFO, a terminal, an eventfd.
/// Reading takes the bytes away from the device, so they are kept here until they are committed, and
/// no more is read until then.
/// @param fd stays the caller's; must be O_NONBLOCK
[[nodiscard]] std::unique_ptr<Reader> make_stream_reader(int fd, Framing framing);

}  // namespace drvbus::device

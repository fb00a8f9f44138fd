// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "checkpoint/checkpoint.hpp"
#include "reader/input_source.hpp"
#include "record/decoding.hpp"
#include "record/framing.hpp"

namespace drvbus::device {

/// Gets events out of an open device. What it hands out stays with the device, or in the ledger's log,
/// until `commit` says that it has been published, and as long after as there is room.
class Reader {
public:
    enum class Status : std::uint8_t {
        events,  ///< some; there may be further ones behind them. Or none yet, and it is to be read again
        empty,   ///< no event now
        end,     ///< no event now and none will come from this open device
    };

    struct Batch {
        Status status;
        std::span<const std::byte> records;  ///< whole records, for parse_record; valid until the next call
        bool came = false;                   ///< where it is empty: there was something, though no whole event
    };

    Reader() = default;
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    virtual ~Reader() = default;

    /// The device has told of news so many times; at least so many where not `exactly`.
    virtual void news(std::uint64_t /*count*/, bool /*exactly*/) {}
    /// Goes on with another decoding of what comes from the device.
    virtual void decode_by(const Decoder& /*decoder*/) {}

    /// The events that are not committed, without moving past them.
    /// @throws std::system_error where the device fails, std::runtime_error where its bytes are no records
    [[nodiscard]] virtual Batch read() = 0;

    /// What comes before `progress` is published.
    virtual void commit(const Progress& progress) = 0;

    /// What happens from now on is no longer taken: what the ring holds, or what was taken before, is the rest.
    virtual void finish() = 0;

    /// The events held from the sequence `since` on, committed or not; empty where there are none.
    [[nodiscard]] virtual std::span<const std::byte> read_at(std::uint64_t since) = 0;

    /// Sequence of the next event that the device will have, as far as is known.
    [[nodiscard]] virtual std::uint64_t next_sequence() = 0;
};

/// Reader of a channel's node: pread() at the position, lseek() to commit. The kernel's ring holds
/// whatever is not committed, so nothing is kept here; the buffer is one for all channels.
/// @param fd stays the caller's
/// @param progress where to go on
[[nodiscard]] std::unique_ptr<Reader> make_ring_reader(int fd, const Progress& progress);

/// Reader of anything else. Reading takes the bytes away from the device, so they go to the ledger's stage, and the
/// records made of them to its log; no more is read before all records in it are committed.
/// @param source none: there is only what was taken already
/// @param ledger outlives the reader
[[nodiscard]] std::unique_ptr<Reader> make_stream_reader(std::unique_ptr<Source> source, Framing framing,
                                                         Decoder decoder, Ledger& ledger);

}  // namespace drvbus::device

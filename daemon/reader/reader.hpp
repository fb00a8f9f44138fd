// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "checkpoint/checkpoint.hpp"
#include "reader/input_source.hpp"
#include "record/decoding.hpp"
#include "record/framing.hpp"

namespace drvbus::reader {

/// Gets the events of one channel out of its open device, as records.
///
/// The events that `read` returns stay in the checkpoint's replay log at least until `commit`. A device's ring keeps
/// them until newer events overwrite them, committed or not.
class Reader {
public:
    enum class Status : std::uint8_t {
        events,       ///< there are records, or the device is not drained yet: read again
        drained,      ///< the device has no event now
        input_ended,  ///< the device has no event now and will never have another one
    };

    struct Batch {
        Status status;
        std::span<const std::byte> records;  ///< complete records, for parse_record; valid until the next call
        bool received_input = false;         ///< with Status::drained: input was read, but no event that is published
    };

    Reader() = default;
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    virtual ~Reader() = default;

    /// Passes on the notifications of the device. Called before each turn.
    /// @param count how often the device has notified since the last call; 0: the turn has another reason
    /// @param exact false: it may have been more often
    virtual void notified(std::uint64_t /*count*/, bool /*exact*/) {}
    /// Uses another decoder for the input that is not yet framed.
    virtual void set_decoder(const record::Decoder& /*decoder*/) {}

    /// Returns the events that are not committed, from the oldest one on. A second call returns them again.
    /// @throws std::system_error if the device fails, std::runtime_error if its bytes are not valid records
    [[nodiscard]] virtual Batch read() = 0;

    /// Moves the position past the events that the bus has accepted.
    /// @param progress the position after them
    virtual void commit(const checkpoint::Progress& progress) = 0;

    /// Ends the input: that of a ring at its newest event, that of a configured device at the input that was read
    /// so far. `read` still returns the events before that, and Status::input_ended after them.
    virtual void finish() = 0;

    /// The next events from the sequence `since` on that the ring or the replay log still has, committed or not, as
    /// many as one call returns; empty if there are none. Valid until the next call of any function of this object.
    [[nodiscard]] virtual std::span<const std::byte> read_at(std::uint64_t since) = 0;

    /// Sequence that the next event of the device will have, unless events are lost before it.
    [[nodiscard]] virtual std::uint64_t next_sequence() = 0;

    /// Why an event of a `read` does not fit its format, in words for the log.
    /// @param format of the payloads of the channel
    [[nodiscard]] virtual std::string explain_mismatch(const record::Event& event, const format::Format& format) const
    {
        return format.explain_mismatch(event.payload.size());
    }

    /// Why events are missing between two records, in words for the log.
    [[nodiscard]] virtual const char* loss_cause() const noexcept = 0;
};

/// Reader of a drvbus ring: reads with pread() at the position, and commits with lseek(). The events are in
/// the kernel's ring, so the reader keeps none. All ring readers share one buffer.
/// @param fd stays owned by the caller and must outlive the reader
/// @param progress the position to continue at
[[nodiscard]] std::unique_ptr<Reader> make_ring_reader(int fd, const checkpoint::Progress& progress);

/// Reader of any other device. Reading removes the input from the device, so the reader puts it into the checkpoint's
/// staging area, frames it, and writes records to the checkpoint's replay log. It reads no more input while the replay
/// log holds records that are not committed.
/// @param source null: there is no device, only the input in the checkpoint
/// @param checkpoint must outlive the reader
[[nodiscard]] std::unique_ptr<Reader> make_input_reader(std::unique_ptr<InputSource> source, record::Framing framing,
                                                        record::Decoder decoder, checkpoint::Checkpoint& checkpoint);

}  // namespace drvbus::reader

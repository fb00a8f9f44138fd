// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <cstring>
#include <utility>

#include <linux/drvbus.h>

#include "reader/reader.hpp"
#include "record/record.hpp"

namespace drvbus::device {

namespace {

// Enough for a record of the largest size; few enough that other channels get their turns where all is ignored.
constexpr int kMostReads = 4;

/// Writes the event as a record. @returns its size
std::size_t write_record(const Event& event, std::span<std::byte> into)
{
    drvbus_record header{};
    header.sequence = event.sequence;
    header.time_ns = event.time_ns;
    header.id = event.id;
    header.flags = event.flags;
    header.length = static_cast<__u32>(event.payload.size());
    std::memcpy(into.data(), &header, sizeof(header));
    if (!event.payload.empty())
        std::memcpy(into.data() + sizeof(header), event.payload.data(), event.payload.size());
    const std::size_t size = sizeof(header) + event.payload.size();
    const std::size_t padding = (DRVBUS_RECORD_ALIGN - size % DRVBUS_RECORD_ALIGN) % DRVBUS_RECORD_ALIGN;
    std::ranges::fill(into.subspan(size, padding), std::byte{0});
    return size + padding;
}

class StreamReader final : public Reader {
public:
    StreamReader(std::unique_ptr<Source> source, Framing framing, Decoder decoder, Ledger& ledger)
        : source_(std::move(source)), framing_(framing), decoder_(std::move(decoder)), stage_(ledger.stage()),
          log_(ledger.log()), progress_(ledger.progress())
    {
        // An earlier process may have been killed before it could say that it had read this.
        stage_.added(stage_.arrived());
    }

    void news(std::uint64_t count, bool exactly) override
    {
        if (source_)
            source_->news(count, exactly);
    }

    void decode_by(const Decoder& decoder) override { decoder_ = decoder; }

    Batch read() override
    {
        bool ended = source_ == nullptr;
        bool more = true;
        bool came = false;
        if (!held())
            make_records(ended);
        // What a read brings may be a part of an event, or nothing but what is ignored.
        for (int reads = 0; reads < kMostReads && more && !held() && !ended; ++reads) {
            more = fill(ended);
            came = came || more;
            make_records(ended);
        }
        if (held() || (more && !ended))
            return {Status::events, log_.since(progress_.bytes)};
        return {ended ? Status::end : Status::empty, {}, came};
    }

    void commit(const Progress& progress) override { progress_ = progress; }

    void finish() override { source_.reset(); }

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

    std::uint64_t next_sequence() override { return log_.taken().next_sequence; }

private:
    /// Whether there are records that are not committed.
    [[nodiscard]] bool held() const { return log_.end() > progress_.bytes; }

    bool fill(bool& ended)
    {
        const std::size_t got = source_->take(stage_.room(log_.taken().stage), ended);
        stage_.added(got);
        return got > 0;
    }

    /// Makes records of what the stage holds, as many as there is room for. @returns whether any
    bool make_records(bool ended)
    {
        bool any = false;
        for (;;) {
            const std::span<std::byte> room = log_.room(progress_.bytes);
            if (room.empty())
                return any;
            Taken next = log_.taken();
            const Piece piece = piece_at(next.stage, ended, any);
            if (piece.size == 0)
                return any;
            if (write(piece, next, room))
                any = true;
            log_.take(next);
        }
    }

    /// Writes the record that `next.stage` is moved behind. @returns whether there is one
    bool write(const Piece& piece, Taken& next, std::span<std::byte> room)
    {
        const std::span<const std::byte> bytes = stage_.since(next.stage).first(piece.size);
        next.stage += piece.size;
        if (framing_.kind == Framing::Kind::records) {
            std::memcpy(room.data(), bytes.data(), bytes.size());
            next.end += bytes.size();
            next.next_sequence = piece.sequence + 1;
            return true;
        }
        const std::optional<Event> event = decoder_.decode(piece.payload, next);
        if (event)
            next.end += write_record(*event, room);
        return event.has_value();
    }

    /// What is wrong behind records that are right is said once those are published.
    [[nodiscard]] Piece piece_at(std::uint64_t at, bool ended, bool any) const
    {
        try {
            return first_piece(framing_, stage_.since(at), ended);
        } catch (const std::runtime_error&) {
            if (!any)
                throw;
            return {};
        }
    }

    std::unique_ptr<Source> source_;
    Framing framing_;
    Decoder decoder_;
    Stage& stage_;
    Log& log_;
    Progress progress_;
};

}  // namespace

std::unique_ptr<Reader> make_stream_reader(std::unique_ptr<Source> source, Framing framing, Decoder decoder,
                                           Ledger& ledger)
{
    return std::make_unique<StreamReader>(std::move(source), framing, std::move(decoder), ledger);
}

}  // namespace drvbus::device

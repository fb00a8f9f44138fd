// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <cstring>
#include <utility>

#include <linux/drvbus.h>
#include <spdlog/spdlog.h>

#include "base/clock.hpp"
#include "reader/reader.hpp"
#include "record/framer.hpp"
#include "record/framing_advice.hpp"
#include "record/record.hpp"

namespace drvbus::reader {

namespace {

// Reads of the device in one call of read(). They are enough for the largest record. The limit lets other channels have
// their turns if every event is ignored.
constexpr int kMaxReads = 4;
// Times that one call of read() skips input. The limit lets other channels have their turns if a device sends much that
// is part of no record.
constexpr int kMaxSkips = 16;

/// Writes the event as a record. @returns the size of the record in bytes
std::size_t write_record(const record::Event& event, std::span<std::byte> into)
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

/// Corrects what a device must not set in a struct drvbus_record: the flags of the daemon, and a time that is out of
/// order. The time 0 means that the device gives no time. A sequence that goes back begins another instance. Its first
/// event gets a later time than the last one, because a subscriber recognizes another instance by this.
void correct_header(std::span<std::byte> bytes, record::SequenceCounter& counter)
{
    drvbus_record header{};
    std::memcpy(&header, bytes.data(), sizeof(header));
    header.flags &= ~record::kDaemonFlags;
    if (header.time_ns != 0) {
        const std::uint64_t earliest = counter.last_time_ns + (header.sequence < counter.next ? 1 : 0);
        header.time_ns =
            counter.order_time(std::max<std::uint64_t>(header.time_ns, earliest), clock_ns(CLOCK_MONOTONIC));
    }
    std::memcpy(bytes.data(), &header, sizeof(header));
}

/// Logs once that much input arrived, but not the end of a record: the settings may be wrong.
class MissingEndLog {
public:
    MissingEndLog(const record::Framing& framing, std::string channel)
        : framing_(framing), channel_(std::move(channel)),
          done_(framing.kind != record::Framing::Kind::lines && framing.kind != record::Framing::Kind::frames)
    {
    }

    /// @param frame what the framer found at the start of `bytes`
    void add(const record::Frame& frame, std::span<const std::byte> bytes)
    {
        if (done_)
            return;
        if (frame.kind == record::Frame::Kind::event) {
            without_end_ = 0;
            return;
        }
        // A frame that is not complete yet has its start and its length, so the settings may be right.
        const bool is_frame = framing_.kind == record::Framing::Kind::frames;
        const std::size_t pending = frame.size == 0 && !is_frame ? bytes.size() : frame.size;
        if (without_end_ + pending >= std::min(kMuchInput, framing_.max_length)) {
            done_ = true;
            spdlog::warn("channel {}: {} bytes arrived without the end of a record: {}", channel_,
                         without_end_ + pending,
                         record::explain_missing_end(framing_, frame.size > 0 ? bytes.first(frame.size) : bytes));
        }
        without_end_ += frame.size;
    }

private:
    static constexpr std::uint32_t kMuchInput = 4096;  // bytes

    record::Framing framing_;
    std::string channel_;
    bool done_;
    std::size_t without_end_ = 0;  // bytes of frames since the last event
};

class InputReader final : public Reader {
public:
    InputReader(std::unique_ptr<InputSource> source, record::Framing framing, record::Decoder decoder,
                checkpoint::Checkpoint& checkpoint)
        : source_(std::move(source)), framing_(framing), framer_(framing), decoder_(std::move(decoder)),
          staging_area_(checkpoint.staging_area()), replay_log_(checkpoint.replay_log()),
          progress_(checkpoint.progress()), missing_end_log_(framing, checkpoint.description().name)
    {
        // An earlier process may have been killed between its last read() and `advance_end`.
        staging_area_.advance_end(staging_area_.bytes_beyond_end());
    }

    void notified(std::uint64_t count, bool exact) override
    {
        if (source_)
            source_->notified(count, exact);
    }

    void set_decoder(const record::Decoder& decoder) override { decoder_ = decoder; }

    Batch read() override
    {
        bool end_of_input = source_ == nullptr;
        bool more = true;
        bool received_input = false;
        bool framed = has_uncommitted() || make_records(end_of_input);
        // A read may return a part of an event, or only events that are ignored.
        for (int reads = 0; reads < kMaxReads && framed && more && !has_uncommitted() && !end_of_input; ++reads) {
            more = read_input(end_of_input);
            received_input = received_input || more;
            framed = make_records(end_of_input);
        }
        if (has_uncommitted() || !framed || (more && !end_of_input))
            return {Status::events, replay_log_.from(progress_.record_bytes)};
        return {end_of_input ? Status::input_ended : Status::drained, {}, received_input};
    }

    void commit(const checkpoint::Progress& progress) override { progress_ = progress; }

    void finish() override { source_.reset(); }

    std::span<const std::byte> read_at(std::uint64_t since) override
    {
        std::span<const std::byte> rest = replay_log_.from(std::max(replay_log_.begin(), progress_.instance_begin));
        for (;;) {
            const record::Record record = record::parse_record(rest);
            if (record.state != record::Record::State::complete)
                return {};
            if (record.event.sequence >= since)
                return rest;
            rest = rest.subspan(record.size);
        }
    }

    std::uint64_t next_sequence() override { return replay_log_.framing_progress().sequence.next; }

    std::string explain_mismatch(const record::Event& event, const format::Format& format) const override
    {
        if ((event.flags & record::kFormatMismatch) == 0)
            return Reader::explain_mismatch(event, format);  // of a struct drvbus_record, which needs no decoder
        return decoder_.explain_mismatch(event.payload);
    }

    const char* loss_cause() const noexcept override { return "the device's own numbers have a gap"; }

private:
    /// Whether there are records that are not committed.
    [[nodiscard]] bool has_uncommitted() const { return replay_log_.end() > progress_.record_bytes; }

    /// Reads the device into the staging area. @returns whether there was input
    bool read_input(bool& end_of_input)
    {
        const std::uint64_t begin = replay_log_.framing_progress().staging_begin;
        const std::size_t got = source_->read(staging_area_.free_space(begin, source_->reads_in_parts()), end_of_input);
        staging_area_.advance_end(got);
        return got > 0;
    }

    /// Makes records of the input in the staging area, until the replay log is full.
    /// @returns false if it stopped at kMaxSkips
    [[nodiscard]] bool make_records(bool end_of_input)
    {
        bool found_records = false;
        for (int skips = 0; skips < kMaxSkips;) {
            const std::span<std::byte> space = replay_log_.free_space(progress_.record_bytes);
            if (space.empty())
                return true;
            checkpoint::FramingProgress next = replay_log_.framing_progress();
            const record::Frame frame = next_frame(next, end_of_input, found_records);
            if (frame.kind == record::Frame::Kind::incomplete)
                return true;
            if (write(frame, next, space))
                found_records = true;
            replay_log_.append(next);
            skips += frame.kind == record::Frame::Kind::skipped ? 1 : 0;
        }
        return false;
    }

    /// Writes the record of one frame to `space`.
    /// @param next gets the offsets after the frame and the record
    /// @returns false if the frame is no event, or if the event is ignored
    bool write(const record::Frame& frame, checkpoint::FramingProgress& next, std::span<std::byte> space)
    {
        const std::span<const std::byte> bytes = staging_area_.from(next.staging_begin).first(frame.size);
        next.staging_begin += frame.size;
        next.framing_errors += frame.begins_to_skip(next.skipping != 0) ? 1 : 0;
        next.skipping = frame.skipping ? 1 : 0;
        if (frame.kind == record::Frame::Kind::skipped)
            return false;
        if (framing_.kind == record::Framing::Kind::records) {
            std::memcpy(space.data(), bytes.data(), bytes.size());
            correct_header(space, next.sequence);
            next.log_end += bytes.size();
            next.sequence.next = frame.sequence + 1;
            return true;
        }
        std::optional<record::Event> event = decoder_.decode(frame.payload, next.sequence);
        if (!event)
            return false;
        if (frame.kind == record::Frame::Kind::cut)
            event->flags |= record::kCut;
        next.log_end += write_record(*event, space);
        return true;
    }

    /// The frame after `progress`.
    /// @param found_records there are records before it. They are published before malformed input is an error.
    [[nodiscard]] record::Frame next_frame(const checkpoint::FramingProgress& progress, bool end_of_input,
                                           bool found_records)
    {
        const std::span<const std::byte> bytes = staging_area_.from(progress.staging_begin);
        try {
            const record::Frame frame = framer_.next(bytes, end_of_input, progress.skipping != 0);
            missing_end_log_.add(frame, bytes);
            return frame;
        } catch (const std::runtime_error&) {
            if (!found_records)
                throw;
            return {};
        }
    }

    std::unique_ptr<InputSource> source_;
    record::Framing framing_;
    record::Framer framer_;
    record::Decoder decoder_;
    checkpoint::StagingArea& staging_area_;
    checkpoint::ReplayLog& replay_log_;
    checkpoint::Progress progress_;
    MissingEndLog missing_end_log_;
};

}  // namespace

std::unique_ptr<Reader> make_input_reader(std::unique_ptr<InputSource> source, record::Framing framing,
                                          record::Decoder decoder, checkpoint::Checkpoint& checkpoint)
{
    return std::make_unique<InputReader>(std::move(source), framing, std::move(decoder), checkpoint);
}

}  // namespace drvbus::reader

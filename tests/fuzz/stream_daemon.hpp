// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/errno.hpp"
#include "checkpoint/checkpoint.hpp"
#include "input.hpp"
#include "reader/reader.hpp"
#include "record/record.hpp"
#include "records.hpp"

namespace drvbus::fuzz {

using checkpoint::Checkpoint;
using checkpoint::Progress;
using checkpoint::ReplayLog;
using reader::Reader;
using record::Framing;
using Status = reader::Reader::Status;

constexpr unsigned kMaximumRestarts = 3;  // a restart is slow

/// The parts of a daemon with one channel that use the device and the checkpoint.
class Daemon {
public:
    Daemon(Framing framing, const Stream& stream, Checkpoint& checkpoint)
        : framing_(framing), stream_(stream), checkpoint_(&checkpoint),
          reader_(make_input_reader(reader::make_read_source(stream.fd(), framing), framing, {}, checkpoint))
    {
    }
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    virtual ~Daemon() = default;

    /// The device has sent more bytes.
    virtual void sent(std::string_view bytes) = 0;
    /// Reads from the device and checks the batch. @returns whether it has events
    virtual bool read() = 0;
    /// Reads the events from a sequence on, and checks them.
    virtual void read_at(std::uint64_t since) = 0;

    /// Publishes up to `maximum` records of the last batch.
    void publish(std::size_t maximum)
    {
        for (std::size_t count = 0; count < maximum && !batch_.empty(); ++count) {
            const record::Record record = record::parse_record(batch_);
            expect(record.state == record::Record::State::complete, "a batch consists of complete records");
            publish(record.event.sequence, record.size);
            batch_ = batch_.subspan(record.size);
        }
    }

    /// The process is killed, and the next one continues.
    void restart()
    {
        if (++restarts_ > kMaximumRestarts)
            return;
        const Progress before = progress();
        reader_.reset();
        next_checkpoint_ = Checkpoint::adopt(UniqueFd(check(dup(checkpoint_->fd()), "dup")));
        checkpoint_ = &*next_checkpoint_;
        expect(progress() == before, "a restart changes no progress");
        expect(checkpoint_->description().framing == framing_ && checkpoint_->description().name == "fuzz",
               "a restart changes no description");
        make_reader();
    }

    /// The device is closed and opened again, as after an error.
    void reopen()
    {
        const std::uint64_t end = end_of_input();
        checkpoint_->discard_staged();
        discard(end);
        make_reader();
    }

    void finish()
    {
        reader_->finish();
        finished_ = true;
    }

    void check_log()
    {
        const ReplayLog& log = checkpoint_->replay_log();
        expect(log.begin() <= progress().record_bytes && progress().record_bytes <= log.end(),
               "the replay log holds what is not published");
        expect(log.end() - log.begin() <= ReplayLog::kCapacity, "the replay log does not exceed its capacity");
        expect(log.begin() == 0 || ReplayLog::kCapacity - (log.end() - log.begin()) < 3 * kLargestRecord,
               "the replay log drops published records only when it is full");
    }

protected:
    [[nodiscard]] const Progress& progress() const { return checkpoint_->progress(); }
    [[nodiscard]] Reader& reader() { return *reader_; }
    [[nodiscard]] ReplayLog& log() { return checkpoint_->replay_log(); }
    /// @returns the offset that the last byte read from the device would have in the replay log if it were framed
    [[nodiscard]] std::uint64_t end_of_input()
    {
        return log().end() + (checkpoint_->staging_area().end() - log().framing_progress().staging_begin);
    }
    [[nodiscard]] std::uint64_t end_of_staging() const { return checkpoint_->staging_area().end(); }
    [[nodiscard]] bool finished() const { return finished_; }

    void set_batch(std::span<const std::byte> batch) { batch_ = batch; }

    /// The daemon has discarded its input after the last complete record. The input ended at `old_end`.
    virtual void discard(std::uint64_t old_end) = 0;

private:
    void make_reader()
    {
        batch_ = {};
        finished_ = false;
        reader_ = make_input_reader(reader::make_read_source(stream_.fd(), framing_), framing_, {}, *checkpoint_);
    }

    /// Commits one record, as a channel does.
    void publish(std::uint64_t sequence, std::size_t size)
    {
        Progress next = progress();
        if (sequence < next.next_sequence) {
            expect(framing_.kind == Framing::Kind::records, "sequences that the daemon assigns increase");
            ++next.instance;
            next.instance_begin = next.record_bytes;
        }
        next.next_sequence = sequence + 1;
        next.record_bytes += size;
        ++next.published;
        checkpoint_->commit(next);
        reader_->commit(next);
        expect(progress() == next, "a commit changes the progress");
    }

    Framing framing_;
    const Stream& stream_;
    Checkpoint* checkpoint_;
    std::optional<Checkpoint> next_checkpoint_;
    std::unique_ptr<Reader> reader_;
    std::span<const std::byte> batch_;
    unsigned restarts_ = 0;
    bool finished_ = false;
};

}  // namespace drvbus::fuzz

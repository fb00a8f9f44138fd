// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <unistd.h>

#include "reader/reader.hpp"
#include "received_event.hpp"
#include "support/io.hpp"

namespace drvbus::test {

inline record::ChannelDescription sensor()
{
    record::ChannelDescription description;
    description.name = "sensor";
    return description;
}

/// A reader with its own checkpoint, which commits batches as the pump does.
class Reading {
public:
    Reading(int fd, record::Framing framing,
            checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::create(sensor(), 1))
        : checkpoint_(std::move(checkpoint)),
          reader_(reader::make_input_reader(reader::make_read_source(fd, framing), framing, {}, checkpoint_))
    {
    }

    reader::Reader::Batch read() { return reader_->read(); }
    reader::Reader& reader() { return *reader_; }
    checkpoint::Checkpoint& checkpoint() { return checkpoint_; }

    /// Commits the next `bytes` bytes; `next` is the sequence after them.
    void commit(std::uint64_t next, std::size_t bytes)
    {
        checkpoint::Progress progress = checkpoint_.progress();
        progress.next_sequence = next;
        progress.record_bytes += bytes;
        checkpoint_.commit(progress);
        reader_->commit(progress);
    }

    /// Reads and commits until the device is drained.
    std::vector<ReceivedEvent> read_all()
    {
        std::vector<ReceivedEvent> all;
        for (;;) {
            const reader::Reader::Batch batch = read();
            if (batch.status != reader::Reader::Status::events)
                return all;
            const std::vector<ReceivedEvent> read = events_in(batch);
            all.insert(all.end(), read.begin(), read.end());
            commit(read.back().sequence + 1, batch.records.size());
        }
    }

    /// The reader of a process that continues with the same checkpoint.
    Reading restarted(int fd, record::Framing framing)
    {
        return {fd, framing, checkpoint::Checkpoint::adopt(UniqueFd(must(dup(checkpoint_.fd()), "dup")))};
    }

private:
    checkpoint::Checkpoint checkpoint_;
    std::unique_ptr<reader::Reader> reader_;
};

}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "channel/pump.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "base/fd_store.hpp"
#include "device/open.hpp"

namespace drvbus::channel {

namespace {

// Bytes of records that are published in one turn: some hundred events of the usual size. That is enough to make the
// system calls around them cheap, and little enough that the next channel gets its turn soon.
constexpr std::size_t kShare = 16384;

}  // namespace

Pump::Pump(std::string name, bus::Connection& connection, bus::Publisher& publisher, Totals& totals,
           Callbacks callbacks)
    : name_(std::move(name)), connection_(connection), publisher_(publisher), totals_(totals),
      callbacks_(std::move(callbacks))
{
    schema_.path = bus::channel_path(name_);
}

void Pump::restore(checkpoint::Checkpoint checkpoint)
{
    checkpoint_ = std::move(checkpoint);
    sent_ = checkpoint_->progress();
}

void Pump::begin_checkpoint(const record::ChannelDescription& description, std::uint64_t instance,
                            std::uint64_t position)
{
    // A device that was replaced while the daemon did not notice may have had more events than were read from it, so
    // the position of its instance is not known.
    const checkpoint::InstancePosition previous = checkpoint_ ? checkpoint::InstancePosition{} : sent_.previous;
    if (checkpoint_)
        service::remove_fd(service::StoredFd::checkpoint, name_);
    checkpoint_ = checkpoint::Checkpoint::create(description, instance);
    sent_ = checkpoint_->progress();
    sent_.previous = previous;
    sent_.next_sequence = std::max(sent_.next_sequence, position);
    checkpoint_->commit(sent_);
    service::store_fd(service::StoredFd::checkpoint, name_, checkpoint_->fd());
}

Pump::Result Pump::run(FloodGuard& flood_guard, std::uint64_t flood_limit, const std::function<bool()>& readable)
{
    std::size_t share = kShare;
    while (share > 0) {
        const reader::Reader::Batch batch = reader_->read();
        if (batch.status == reader::Reader::Status::empty) {
            if (batch.received_input)
                flood_guard.input_received();
            if (!flood_guard.drained(readable()))
                return Result::drained;
            share -= std::min(share, kShare / 16);  // spurious readiness must not keep the other channels waiting
            continue;
        }
        if (batch.status == reader::Reader::Status::end) {
            ended_ = true;
            return Result::end;
        }
        const std::uint64_t published = sent_.published;
        const std::size_t done = batch.records.empty() ? share : publish_batch(batch.records, share);
        flood_guard.count_published(std::max<std::uint64_t>(sent_.published - published, 1), flood_limit);
        if (!connection_.writable())
            return Result::bus_busy;
        commit_published();
        share -= std::min(share, done);
    }
    return Result::more;
}

std::size_t Pump::publish_batch(std::span<const std::byte> records, std::size_t share)
{
    std::size_t done = 0;
    do {
        const record::Record record = record::parse_record(records.subspan(done));
        if (record.state != record::Record::State::complete)
            throw std::runtime_error("the driver returns bytes that are not drvbus records");
        publish(record.event);
        done += record.size;
        sent_.bytes += record.size;
    } while (done < records.size() && done < share && connection_.writable());
    return done;
}

void Pump::publish(const record::Event& event)
{
    if (event.sequence < sent_.next_sequence)
        begin_instance(event.sequence);
    if (event.sequence > sent_.next_sequence)
        publish_lost(event.sequence);
    if (!publisher_.event(schema_, event) && sent_.mismatches++ == 0)
        spdlog::warn("channel {}: a payload of {} bytes does not fit the format, which takes {}; it is published as "
                     "bytes. C compilers pad structs: name the padding in the format, such as u8 _[3]",
                     name_, event.payload.size(), schema_.format.wanted());
    ++sent_.published;
    sent_.next_sequence = event.sequence + 1;
}

void Pump::begin_instance(std::uint64_t sequence)
{
    spdlog::info("channel {}: the sequence went back from {} to {}: another instance of the device begins", name_,
                 sent_.next_sequence, sequence);
    sent_.previous = {sent_.instance, sent_.next_sequence};
    sent_.instance = device::new_instance_id();
    sent_.instance_begin = sent_.bytes;
    sent_.next_sequence = 1;
    callbacks_.new_instance();
}

void Pump::publish_lost(std::uint64_t until)
{
    const std::uint64_t count = until - sent_.next_sequence;
    publisher_.lost(schema_, sent_.next_sequence, count);
    spdlog::warn("channel {}: {} events from sequence {} on are lost: {}", name_, count, sent_.next_sequence,
                 reader_->loss_cause());
    sent_.lost += count;
    sent_.next_sequence = until;
}

void Pump::commit_published()
{
    if (!checkpoint_ || sent_ == checkpoint_->progress())
        return;
    totals_.published += sent_.published - checkpoint_->progress().published;
    totals_.lost += sent_.lost - checkpoint_->progress().lost;
    checkpoint_->commit(sent_);
    if (reader_)
        reader_->commit(sent_);
    callbacks_.committed();
}

void Pump::rewind()
{
    if (checkpoint_)
        sent_ = checkpoint_->progress();
}

checkpoint::InstancePosition Pump::final_position() const noexcept
{
    if (!checkpoint_)
        return sent_.previous;
    return ended_ ? checkpoint::InstancePosition{sent_.instance, sent_.next_sequence} : checkpoint::InstancePosition{};
}

bus::Replay Pump::replay(std::uint64_t since)
{
    if (sent_.instance != checkpoint_->progress().instance)
        throw bus::MethodError("org.drvbus1.Error.Unavailable",
                               fmt::format("another instance of channel {} has just begun, and the bus has not yet "
                                           "taken its first event; ask again",
                                           name_));
    const std::uint64_t next = std::max(reader_->next_sequence(), sent_.next_sequence);
    if (since > next)
        throw bus::MethodError(
            "org.drvbus1.Error.OutOfRange",
            fmt::format("there is no event {} yet, the next one is {}; ask from there on. If you "
                        "have received event {}, it was of another instance of the channel: begin at "
                        "1",
                        since, next, since - 1));
    return {schema_, reader_->read_at(since), next, sent_.instance};
}

}  // namespace drvbus::channel

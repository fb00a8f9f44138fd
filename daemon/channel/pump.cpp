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

// Bytes of records that a channel publishes in one turn: some hundred events of the usual size. With more, the other
// channels would wait long for their turn. With less, the system calls of a turn would cost much per event.
constexpr std::size_t kTurnBudget = 16384;

}  // namespace

Pump::Pump(std::string name, bus::Connection& connection, bus::Publisher& publisher, Totals& totals, LogLimiter& log,
           Callbacks callbacks)
    : name_(std::move(name)), connection_(connection), publisher_(publisher), totals_(totals), log_(log),
      callbacks_(std::move(callbacks))
{
    message_context_.path = bus::channel_path(name_);
}

void Pump::restore(checkpoint::Checkpoint checkpoint)
{
    checkpoint_ = std::move(checkpoint);
    sent_ = checkpoint_->progress();
}

void Pump::begin_checkpoint(const record::ChannelDescription& description, std::uint64_t instance,
                            std::uint64_t position)
{
    // If there is a checkpoint already, the device was replaced without notice. The earlier device may have had events
    // that were never read, so it is not known where its instance ended.
    const checkpoint::InstancePosition previous = checkpoint_ ? checkpoint::InstancePosition{} : sent_.previous;
    if (checkpoint_)
        service::remove_fd(service::StoredFdKind::checkpoint, name_);
    checkpoint_ = checkpoint::Checkpoint::create(description, instance);
    sent_ = checkpoint_->progress();
    sent_.previous = previous;
    sent_.next_sequence = std::max(sent_.next_sequence, position);
    checkpoint_->commit(sent_);
    service::store_fd(service::StoredFdKind::checkpoint, name_, checkpoint_->fd());
}

Pump::Result Pump::run(FloodGuard& flood_guard, std::uint64_t flood_limit, const std::function<bool()>& readable)
{
    std::size_t budget = kTurnBudget;
    while (budget > 0) {
        const reader::Reader::Batch batch = reader_->read();
        if (batch.status == reader::Reader::Status::drained) {
            if (batch.received_input)
                flood_guard.input_received();
            if (!flood_guard.on_drained(readable()))
                return Result::drained;
            // Spurious readiness uses up the budget as well, so that it does not delay the other channels.
            budget -= std::min(budget, kTurnBudget / 16);
            continue;
        }
        if (batch.status == reader::Reader::Status::input_ended) {
            ended_ = true;
            return Result::input_ended;
        }
        const std::uint64_t published = sent_.published;
        // Without records, the reader reached its limit of reads before it found an event to publish: the turn ends.
        const std::size_t done = batch.records.empty() ? budget : publish_batch(batch.records, budget);
        // At least 1, because a device whose events are all ignored can flood, too.
        flood_guard.count_events(std::max<std::uint64_t>(sent_.published - published, 1), flood_limit);
        if (!connection_.is_flushed())
            return Result::bus_busy;
        commit_published();
        budget -= std::min(budget, done);
    }
    return Result::more;
}

std::size_t Pump::publish_batch(std::span<const std::byte> records, std::size_t budget)
{
    std::size_t done = 0;
    do {
        const record::Record record = record::parse_record(records.subspan(done));
        if (record.state != record::Record::State::complete)
            throw std::runtime_error("the driver returns bytes that are not drvbus records");
        publish(record.event);
        done += record.size;
        sent_.record_bytes += record.size;
    } while (done < records.size() && done < budget && connection_.is_flushed());
    return done;
}

void Pump::publish(const record::Event& event)
{
    if (event.sequence < sent_.next_sequence)
        begin_instance(event.sequence);
    if (event.sequence > sent_.next_sequence)
        publish_lost(event.sequence);
    if ((event.flags & record::kLoss) != 0) {
        publish_unknown_loss();
        return;
    }
    if (!publisher_.event(message_context_, event) && sent_.mismatches++ == 0)
        spdlog::warn("channel {}: an event is published as bytes, with the name \"{}\": {}", name_,
                     record::kMismatchName, reader_->explain_mismatch(event, message_context_.format));
    ++sent_.published;
    sent_.next_sequence = event.sequence + 1;
}

void Pump::begin_instance(std::uint64_t sequence)
{
    if (log_.admit(fmt::format("channel {}: new instances of the device", name_), spdlog::level::info))
        spdlog::info("channel {}: the sequence went back from {} to {}: another instance of the device begins", name_,
                     sent_.next_sequence, sequence);
    sent_.previous = {sent_.instance, sent_.next_sequence};
    sent_.instance = device::new_instance_id();
    sent_.instance_begin = sent_.record_bytes;
    sent_.next_sequence = 1;
    callbacks_.new_instance();
}

/// The subject in the log. It is made when it is needed, because most channels never need it.
std::string Pump::lost_events() const
{
    return fmt::format("channel {}: lost events", name_);
}

/// Announces the events from the next sequence up to, but not including, `end` as lost.
void Pump::publish_lost(std::uint64_t end)
{
    const std::uint64_t count = end - sent_.next_sequence;
    publisher_.lost(message_context_, sent_.next_sequence, count);
    if (log_.admit(lost_events(), spdlog::level::warn, count))
        spdlog::warn("channel {}: {} events from sequence {} on are lost: {}", name_, count, sent_.next_sequence,
                     reader_->loss_cause());
    sent_.lost += count;
    sent_.next_sequence = end;
}

/// Announces that the device lost events without saying how many. They have one sequence together, and count as one.
void Pump::publish_unknown_loss()
{
    publisher_.lost(message_context_, sent_.next_sequence, 0);
    if (log_.admit(lost_events(), spdlog::level::warn))
        spdlog::warn("channel {}: the device lost events at sequence {}, and does not say how many; read it faster, or "
                     "enlarge its buffer",
                     name_, sent_.next_sequence);
    ++sent_.lost;
    ++sent_.next_sequence;
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
                                           "accepted its first event; call again later",
                                           name_));
    const std::uint64_t next = std::max(reader_->next_sequence(), sent_.next_sequence);
    if (since > next)
        throw bus::MethodError(
            "org.drvbus1.Error.OutOfRange",
            fmt::format("there is no event {} yet, the next one is {}; call again with that sequence. If you "
                        "have received event {}, it was of another instance of the channel: begin at "
                        "1",
                        since, next, since - 1));
    return {message_context_, reader_->read_at(since), next, sent_.instance};
}

}  // namespace drvbus::channel

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/log_limiter.hpp"
#include "bus/connection.hpp"
#include "bus/event_message.hpp"
#include "bus/publisher.hpp"
#include "bus/replay.hpp"
#include "channel/flood_guard.hpp"
#include "checkpoint/checkpoint.hpp"
#include "reader/reader.hpp"
#include "record/channel_description.hpp"

namespace drvbus::channel {

/// Totals over all channels of the daemon, since it was started.
struct Totals {
    std::uint64_t published = 0;
    std::uint64_t lost = 0;
};

/// Moves the events of one channel from its reader to the bus, and makes the position durable afterwards.
///
/// Commit after publish: an event is published when its message is sent. The bus has accepted the message once the
/// connection has nothing queued. Only then is the event committed: the checkpoint and the reader move past it. If the
/// process is killed before that, the next process publishes the event again.
class Pump {
public:
    enum class Result : std::uint8_t {
        drained,      ///< no event is left now
        more,         ///< the budget of the turn is used up, and there may be more events
        bus_busy,     ///< messages are queued: the bus accepts no more now
        input_ended,  ///< no event is left, and the device will never have another event
    };

    /// Called from `run` and `commit_published`.
    struct Callbacks {
        std::function<void()> committed;     ///< the position moved
        std::function<void()> new_instance;  ///< the sequence went back: another instance of the device began
    };

    /// @param name of the channel, for the log
    /// @param connection, publisher, totals, log must outlive the pump; the pump adds its counters to `totals`
    Pump(std::string name, bus::Connection& connection, bus::Publisher& publisher, Totals& totals, LogLimiter& log,
         Callbacks callbacks);

    /// The event names and the format. A change applies to all messages that the pump sends after it.
    [[nodiscard]] bus::MessageContext& message_context() noexcept { return message_context_; }
    [[nodiscard]] const bus::MessageContext& message_context() const noexcept { return message_context_; }

    /// Continues with the checkpoint of an earlier process.
    void restore(checkpoint::Checkpoint checkpoint);
    /// Begins a new checkpoint, and stores it with the service manager in place of the current one.
    /// @param position sequence of the first event that is not yet published; 0: the first event of the instance
    void begin_checkpoint(const record::ChannelDescription& description, std::uint64_t instance,
                          std::uint64_t position);
    /// Null before `restore` and `begin_checkpoint`. Owned by the pump.
    [[nodiscard]] checkpoint::Checkpoint* checkpoint() noexcept { return checkpoint_ ? &*checkpoint_ : nullptr; }
    /// Sets where the previous channel of this name ended.
    void set_previous(const checkpoint::InstancePosition& previous) noexcept { sent_.previous = previous; }

    /// Starts to read with another reader.
    /// @param reader null: reading stops
    void set_reader(std::unique_ptr<reader::Reader> reader) noexcept
    {
        reader_ = std::move(reader);
        ended_ = false;
    }
    /// Null while the pump does not read. Owned by the pump.
    [[nodiscard]] reader::Reader* reader() noexcept { return reader_.get(); }
    [[nodiscard]] bool is_reading() const noexcept { return reader_ != nullptr; }

    /// Reads, publishes and commits, up to the budget of one turn. Call it only while the pump has a reader.
    /// @param flood_limit as in FloodGuard::count_events
    /// @param readable whether poll() reports the device as readable; called after a read that found nothing
    /// @throws bus::SendError if the connection broke; FloodError, std::exception if the device failed
    Result run(FloodGuard& flood_guard, std::uint64_t flood_limit, const std::function<bool()>& readable);

    /// Commits all published events. Call it only if the connection has nothing queued.
    void commit_published();

    /// Goes back to the committed position. Call it when the connection broke: the bus may not have accepted what was
    /// sent after that position.
    void rewind();

    /// The position and the counters after the last event that was sent. The bus may not have accepted it yet.
    [[nodiscard]] const checkpoint::Progress& sent() const noexcept { return sent_; }
    /// How often the daemon skipped input of the device because it is part of no record, also in earlier processes.
    [[nodiscard]] std::uint64_t framing_errors() const noexcept
    {
        return checkpoint_ ? checkpoint_->framing_errors() : 0;
    }
    /// Where the instance of a deleted channel ended. If not all of its events were published, that is not known, and
    /// the instance in the result is 0. A channel that never had a checkpoint returns the value from `set_previous`.
    [[nodiscard]] checkpoint::InstancePosition final_position() const noexcept;

    /// The events from the sequence `since` on that the reader can still return; valid until the next call of `run`.
    /// Call it only while the pump has a reader.
    /// @throws bus::MethodError if they are not available now; std::exception if reading fails
    [[nodiscard]] bus::Replay replay(std::uint64_t since);

private:
    std::size_t publish_batch(std::span<const std::byte> records, std::size_t budget);
    void publish(const record::Event& event);
    void publish_lost(std::uint64_t end);
    [[nodiscard]] std::string lost_events() const;
    void publish_unknown_loss();
    void begin_instance(std::uint64_t sequence);

    std::string name_;
    bus::Connection& connection_;
    bus::Publisher& publisher_;
    Totals& totals_;
    LogLimiter& log_;
    Callbacks callbacks_;
    bus::MessageContext message_context_;
    std::optional<checkpoint::Checkpoint> checkpoint_;
    checkpoint::Progress sent_;  ///< ahead of the checkpoint by what the bus has not yet accepted
    std::unique_ptr<reader::Reader> reader_;
    bool ended_ = false;  ///< the reader has no more input, and all events were sent
};

}  // namespace drvbus::channel

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

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
/// Commit after publish: an event counts as published once the bus has taken the message, that is, once the
/// connection has nothing queued. Only then the checkpoint and the reader move past the event. A process that is killed
/// before that leaves the event to the next process.
class Pump {
public:
    enum class Result : std::uint8_t {
        drained,   ///< no event is left now
        more,      ///< the share is used up, and there may be more events
        bus_busy,  ///< the bus takes no more messages now
        end,       ///< no event is left, and the device will never have another one
    };

    /// Called from `run` and `commit_published`.
    struct Callbacks {
        std::function<void()> committed;     ///< the position moved
        std::function<void()> new_instance;  ///< the sequence went back: another instance of the device began
    };

    /// @param name of the channel, for the log
    /// @param connection, publisher, totals must outlive the pump; `totals` grows with the channel's counters
    Pump(std::string name, bus::Connection& connection, bus::Publisher& publisher, Totals& totals, Callbacks callbacks);

    /// Names and format of the events; used for every later message.
    [[nodiscard]] bus::EventSchema& schema() noexcept { return schema_; }
    [[nodiscard]] const bus::EventSchema& schema() const noexcept { return schema_; }

    /// Continues with the checkpoint of an earlier process.
    void restore(checkpoint::Checkpoint checkpoint);
    /// Begins a new checkpoint, and stores it with the service manager in place of the present one.
    /// @param position sequence of the first event that is not yet published; 0: the first event of the instance
    void begin_checkpoint(const record::ChannelDescription& description, std::uint64_t instance,
                          std::uint64_t position);
    /// Null before `restore` and `begin_checkpoint`.
    [[nodiscard]] checkpoint::Checkpoint* checkpoint() noexcept { return checkpoint_ ? &*checkpoint_ : nullptr; }
    void set_previous(const checkpoint::InstancePosition& previous) noexcept { sent_.previous = previous; }

    /// @param reader null: reading stops
    void set_reader(std::unique_ptr<reader::Reader> reader) noexcept
    {
        reader_ = std::move(reader);
        ended_ = false;
    }
    [[nodiscard]] reader::Reader* reader() noexcept { return reader_.get(); }
    [[nodiscard]] bool is_reading() const noexcept { return reader_ != nullptr; }

    /// Reads, publishes and commits, up to the share of one turn.
    /// @param flood_limit as in FloodGuard::count_published
    /// @param readable whether poll() reports the device as readable; called after a read that found nothing
    /// @throws bus::SendError if the connection broke; FloodError, std::exception if the device failed
    Result run(FloodGuard& flood_guard, std::uint64_t flood_limit, const std::function<bool()>& readable);

    /// Commits everything that was sent. Call it only if the connection has nothing queued.
    void commit_published();

    /// Forgets what was sent and not committed: the connection broke, and the bus may not have taken it.
    void rewind();

    /// How far the channel was published, including what the bus has not yet taken.
    [[nodiscard]] const checkpoint::Progress& sent() const noexcept { return sent_; }
    /// The final position, for a channel that is deleted. Its instance is 0 unless everything was published. A channel
    /// without a checkpoint passes on the position that it was created with.
    [[nodiscard]] checkpoint::InstancePosition final_position() const noexcept;

    /// The events still held from the sequence `since` on; valid until the next call of `run`.
    /// @throws bus::MethodError if they are not available now; std::exception if reading fails
    [[nodiscard]] bus::Replay replay(std::uint64_t since);

private:
    std::size_t publish_batch(std::span<const std::byte> records, std::size_t share);
    void publish(const record::Event& event);
    void publish_lost(std::uint64_t until);
    void begin_instance(std::uint64_t sequence);

    std::string name_;
    bus::Connection& connection_;
    bus::Publisher& publisher_;
    Totals& totals_;
    Callbacks callbacks_;
    bus::EventSchema schema_;
    std::optional<checkpoint::Checkpoint> checkpoint_;
    checkpoint::Progress sent_;  ///< ahead of the checkpoint's by what the bus has not yet taken
    std::unique_ptr<reader::Reader> reader_;
    bool ended_ = false;  ///< the reader came to the end of its input, and all of it was sent
};

}  // namespace drvbus::channel

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/mapping.hpp"
#include "base/unique_fd.hpp"
#include "checkpoint/replay_log.hpp"
#include "checkpoint/staging_area.hpp"
#include "record/channel_description.hpp"

namespace drvbus::checkpoint {

/// The position of an instance of a channel.
struct InstancePosition {
    std::uint64_t instance = 0;       ///< 0: unknown
    std::uint64_t next_sequence = 0;  ///< sequence after its last event

    friend bool operator==(const InstancePosition&, const InstancePosition&) = default;
};

/// The position and the counters of a channel. The counters began at 0 when the channel was first opened.
struct Progress {
    std::uint64_t instance = 0;        ///< of the device; unique among all devices of the channel's name since boot
    std::uint64_t instance_begin = 0;  ///< value of `record_bytes` when the instance began
    std::uint64_t next_sequence = 1;   ///< of the first event that is neither published nor lost
    std::uint64_t record_bytes = 0;    ///< size of all records before that event; its offset in the replay log
    std::uint64_t published = 0;       ///< events
    std::uint64_t lost = 0;            ///< events
    std::uint64_t mismatches = 0;      ///< events published as bytes because their payload does not fit the format
    InstancePosition previous{};       ///< of the instance before this one

    friend bool operator==(const Progress&, const Progress&) = default;
};

/// The part of a channel that outlives the process: its description, its progress, and, for a device that does not keep
/// its events, the input that was read from it. It is stored in a memfd that the service manager keeps.
///
/// A process can be killed between any two instructions. Therefore the progress, also that of the framing, is
/// stored twice. A commit writes the copy that is not in use, and then switches to it by changing one index.
class Checkpoint {
public:
    /// An upper limit of Progress::record_bytes. A checkpoint with more is damaged.
    static constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 62;

    /// Creates the checkpoint of a channel that has none.
    /// @throws std::system_error if the memfd cannot be created, std::runtime_error if the description is too long
    static Checkpoint create(const record::ChannelDescription& description, std::uint64_t instance);

    /// Continues with the checkpoint of an earlier process.
    /// @throws std::runtime_error if `file` is not a valid checkpoint of this version
    static Checkpoint adopt(UniqueFd file);

    /// Stays owned by the checkpoint.
    [[nodiscard]] int fd() const noexcept { return file_.get(); }

    [[nodiscard]] record::ChannelDescription description() const;
    [[nodiscard]] const Progress& progress() const noexcept;

    /// Makes `progress` durable: the next process continues there.
    void commit(const Progress& progress) noexcept;

    /// The replay log and the staging area of a device that does not keep its events. The first call of either function
    /// creates both.
    [[nodiscard]] ReplayLog& replay_log();
    [[nodiscard]] StagingArea& staging_area();
    [[nodiscard]] bool has_replay_log() const noexcept;
    /// FramingProgress::framing_errors; 0 without a replay log.
    [[nodiscard]] std::uint64_t framing_errors() const noexcept;

    /// Discards the input that is not framed yet. Call it when the device was opened again, because the rest of an
    /// incomplete event will not follow.
    void discard_staged();

    /// Returns the memory of the staging area that holds no input to the system.
    void release_free_space() noexcept;

    /// The result of the setup of the open device (device::SetupState::to_bytes).
    [[nodiscard]] std::span<const std::byte> setup() const noexcept;
    /// @throws std::runtime_error if there are too many bytes
    void set_setup(std::span<const std::byte> bytes);

private:
    struct Header;

    explicit Checkpoint(UniqueFd file);
    [[nodiscard]] Header& header() const noexcept;
    void check() const;
    void create_or_map_buffers();

    UniqueFd file_;
    Mapping mapping_;
    ReplayLog replay_log_;
    StagingArea staging_area_;
};

}  // namespace drvbus::checkpoint

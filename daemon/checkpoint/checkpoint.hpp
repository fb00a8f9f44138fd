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

/// How far an instance of a channel came.
struct InstancePosition {
    std::uint64_t instance = 0;       ///< 0: none is known
    std::uint64_t next_sequence = 0;  ///< behind its last event

    friend bool operator==(const InstancePosition&, const InstancePosition&) = default;
};

/// How far a channel has come. All are sums since the channel was first opened.
struct Progress {
    std::uint64_t instance = 0;        ///< of the device; tells it from every other one of this name since boot
    std::uint64_t instance_begin = 0;  ///< in `bytes`
    std::uint64_t next_sequence = 1;   ///< of the first event that is not yet published or told lost
    std::uint64_t bytes = 0;           ///< of the records up to there
    std::uint64_t published = 0;
    std::uint64_t lost = 0;
    std::uint64_t mismatches = 0;  ///< published as bytes because the format did not fit
    InstancePosition previous{};   ///< of the instance before this one

    friend bool operator==(const Progress&, const Progress&) = default;
};

/// What of a channel outlives the daemon: who it is, how far it has come, and what was read from a device
/// that does not hold it any longer. It lies in memory behind a file that the service manager keeps, so
/// that a process that is killed between any two instructions leaves it whole.
class Checkpoint {
public:
    /// More than any channel comes to: where a ledger says so, it is damaged.
    static constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 62;

    static Checkpoint create(const record::ChannelDescription& description, std::uint64_t instance);

    /// Goes on with what an earlier process left.
    /// @throws std::runtime_error where `file` is no ledger of this version
    static Checkpoint adopt(UniqueFd file);

    /// Stays the ledger's.
    [[nodiscard]] int fd() const noexcept { return file_.get(); }

    [[nodiscard]] record::ChannelDescription description() const;
    [[nodiscard]] const Progress& progress() const noexcept;

    /// The next process goes on from here.
    void commit(const Progress& progress) noexcept;

    /// The records of a device that does not hold them. Made at the first call, as the stage is.
    [[nodiscard]] ReplayLog& log();
    /// What came from it, and is not yet made into records.
    [[nodiscard]] StagingArea& stage();
    [[nodiscard]] bool has_replay_log() const noexcept;

    /// The device was opened anew: what the stage still holds is the front of something that will not come.
    void discard_staged();

    /// What has been done to the open device (SetUp::to_bytes).
    [[nodiscard]] std::span<const std::byte> setup() const noexcept;
    /// @throws std::runtime_error where it is too much
    void set_setup(std::span<const std::byte> bytes);

private:
    struct Header;

    explicit Checkpoint(UniqueFd file);
    [[nodiscard]] Header& header() const noexcept;
    void check() const;
    void map_log();

    UniqueFd file_;
    Mapping mapping_;
    ReplayLog replay_log_;
    StagingArea staging_area_;
};

}  // namespace drvbus::checkpoint

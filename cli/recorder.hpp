// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/unique_fd.hpp"
#include "cli/clocks.hpp"

namespace drvbus::cli {

/// The data that a device delivered while it was read.
struct Recording {
    /// Why the recording ended.
    enum class End : std::uint8_t {
        timeout,      ///< the duration has elapsed
        end_of_file,  ///< end of the file, hang-up, or the device was removed
        interrupted,  ///< by a signal
        byte_limit,   ///< more data would not improve any guess
        failed,       ///< a read failed with `error`
    };

    struct Read {
        Clocks time;  ///< when the read returned
        std::vector<std::byte> bytes;
    };

    std::vector<Read> reads;  ///< the first reads, with about 1 MiB in total
    std::uint64_t count = 0;  ///< number of all reads
    std::uint64_t bytes = 0;  ///< number of bytes in all reads
    End end = End::timeout;
    int error = 0;  ///< errno of the read that failed

    /// The bytes of `reads`, joined.
    [[nodiscard]] std::vector<std::byte> joined() const;
};

/// Reads an open device for some time.
class Recorder {
public:
    using ReadClocks = std::function<Clocks()>;
    /// Called after each read, with the time since the start and the bytes read.
    using OnRead = std::function<void(std::chrono::nanoseconds, std::span<const std::byte>)>;

    /// Blocks SIGINT and SIGTERM in the process permanently. They end a recording instead of the process.
    /// @param fd non-blocking; owned by the caller, and outlives this object
    /// @param now reads the clocks
    explicit Recorder(int fd, ReadClocks now = Clocks::now);

    /// Reads until one of the reasons of Recording::End applies.
    /// @throws std::system_error if waiting for the device fails
    [[nodiscard]] Recording record(std::chrono::seconds duration, const OnRead& on_read);

private:
    enum class Wait : std::uint8_t { readable, hang_up, nothing, signal };

    [[nodiscard]] Wait wait(std::chrono::nanoseconds limit) const;
    /// @returns whether to continue
    bool read_once(Recording& recording, Wait wait, std::uint64_t start, const OnRead& on_read);
    bool handle_error(Recording& recording, Wait wait, int error);

    int fd_;
    ReadClocks now_;
    UniqueFd signals_;
    std::vector<std::byte> buffer_;
    bool spurious_ = false;  // the last readiness was spurious: read at intervals, without poll, until data arrives
};

}  // namespace drvbus::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"

namespace drvbus::cli {

/// What reads of a device have brought.
struct Recording {
    enum class End : std::uint8_t {
        over,         ///< the time was
        hung_up,      ///< no more would have come
        interrupted,  ///< by a signal
        enough,       ///< it sends so much that there is nothing to be learnt from more
        failed,       ///< `error` says how
    };

    std::vector<std::vector<std::byte>> reads;  ///< the first ones
    std::uint64_t count = 0;                    ///< of all reads
    std::uint64_t bytes = 0;                    ///< of all of them
    End end = End::over;
    int error = 0;

    [[nodiscard]] std::vector<std::byte> joined() const;
};

/// Reads an open device for a while.
class Recorder {
public:
    /// Of a read: the time since the beginning, and what it brought.
    using OnRead = std::function<void(std::chrono::nanoseconds, std::span<const std::byte>)>;

    /// Takes SIGINT and SIGTERM from the process.
    /// @param fd that does not block; stays the caller's
    explicit Recorder(int fd);

    [[nodiscard]] Recording record(std::chrono::seconds duration, const OnRead& on_read);

private:
    enum class Wait : std::uint8_t { news, hang_up, nothing, signal };

    [[nodiscard]] Wait wait(std::chrono::nanoseconds rest) const;
    /// @returns whether to go on
    bool take(Recording& recording, Wait wait, std::chrono::nanoseconds since, const OnRead& on_read);
    [[nodiscard]] bool failed(Recording& recording, Wait wait, int error);

    int fd_;
    UniqueFd signals_;
    std::vector<std::byte> room_;
    bool idle_ = false;  // it says that there is news, and has none
};

}  // namespace drvbus::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>

#include <termios.h>

namespace drvbus::cli {

/// Lets a terminal pass on all bytes at once and unchanged, as preset "serial" does: otherwise it would, for example,
/// turn CR into LF, and keep input until LF. The destructor restores the settings. Does nothing for other devices.
class UnchangedInput {
public:
    /// @param fd owned by the caller, and outlives this object
    explicit UnchangedInput(int fd);
    UnchangedInput(const UnchangedInput&) = delete;
    UnchangedInput& operator=(const UnchangedInput&) = delete;
    ~UnchangedInput();

private:
    int fd_;
    std::optional<termios> before_;
};

}  // namespace drvbus::cli

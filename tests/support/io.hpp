// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Kernel objects that stand in for a device: no module is needed for them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/unique_fd.hpp"

namespace drvbus::test {

/// Throws std::system_error with errno where `result` is negative; else returns it.
int must(int result, const char* what);

/// Writes all of `bytes`, waiting for room where there is none; `fd` may be non-blocking.
void write_all(int fd, std::string_view bytes);

/// Writes `bytes` once. @returns whether there was room
bool write_once(int fd, std::string_view bytes);

/// The open sockets of another process whose `option` (SO_TYPE, SO_DOMAIN) is `value`. What the caller sets on
/// one of them holds for both.
[[nodiscard]] std::vector<UniqueFd> sockets_of(pid_t process, int option, int value);

/// Both ends of a pipe, non-blocking.
struct Pipe {
    Pipe();
    UniqueFd read_end;
    UniqueFd write_end;
};

/// Both ends of a connected pair of stream sockets, non-blocking.
struct SocketPair {
    SocketPair();
    UniqueFd ours;
    UniqueFd theirs;
};

/// A FIFO in a directory of the test.
class Fifo {
public:
    explicit Fifo(std::string path);

    [[nodiscard]] const std::string& path() const { return path_; }
    /// A writer's end, non-blocking; waits for a reader.
    [[nodiscard]] UniqueFd open_writer() const;

private:
    std::string path_;
};

/// A pseudo-terminal: what the test writes is what a program reads that has the terminal open, line by line.
class Terminal {
public:
    Terminal();

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] int writer() const { return master_.get(); }
    /// A reader's end of it, non-blocking.
    [[nodiscard]] UniqueFd open_reader() const;

private:
    UniqueFd master_;
    std::string path_;
    UniqueFd slave_;  // held open, or the master would see it hang up whenever nobody else has it open
};

}  // namespace drvbus::test

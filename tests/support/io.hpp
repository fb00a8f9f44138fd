// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Kernel objects that tests use as devices. They need no kernel module.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/unique_fd.hpp"

namespace drvbus::test {

/// Checks the result of a system call.
/// @returns `result`
/// @throws std::system_error with errno and `what` if `result` is negative
int must(int result, const char* what);

/// Writes all of `bytes`; waits for space when a non-blocking `fd` is full.
/// @throws std::runtime_error if the reader makes no space within kLimit
void write_all(int fd, std::string_view bytes);

/// Writes `bytes` with one write(2).
/// @returns false if a non-blocking `fd` is full
/// @throws std::runtime_error after a short write
bool write_once(int fd, std::string_view bytes);

/// Creates a Unix socket of `type` (with SOCK_CLOEXEC added) and binds it to `path`.
/// @throws std::invalid_argument if `path` is too long for a socket address, as it can be with a long TMPDIR
[[nodiscard]] UniqueFd bind_socket(const std::string& path, int type);

/// Duplicates of the open sockets of `process` whose `option` (SO_TYPE, SO_DOMAIN) is `value`. They share the open
/// file with that process: a socket option set on a duplicate applies to both.
[[nodiscard]] std::vector<UniqueFd> sockets_of(pid_t process, int option, int value);

/// Waits until the next timer of `process` expires in a second or later, and stops all its timerfds. They do not expire
/// before the process sets them again. drvbusd does so when it receives a call.
/// @throws std::runtime_error if no timer is set
void stop_timers(pid_t process);

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

/// A FIFO in the file system.
class Fifo {
public:
    explicit Fifo(std::string path);

    [[nodiscard]] const std::string& path() const { return path_; }
    /// Opens the non-blocking write end; waits until a reader has the FIFO open.
    [[nodiscard]] UniqueFd open_writer() const;

private:
    std::string path_;
};

/// A pseudo-terminal. A program that has it open reads what the test writes, one line a read.
class Terminal {
public:
    Terminal();

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] int writer() const { return master_.get(); }
    /// Opens the non-blocking slave end, to read from.
    [[nodiscard]] UniqueFd open_reader() const;

private:
    UniqueFd master_;
    std::string path_;
    UniqueFd slave_;  // kept open: without an open slave, the master reports a hang-up
};

}  // namespace drvbus::test

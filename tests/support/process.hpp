// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "support/wait.hpp"

namespace drvbus::test {

/// A child of the test: killed and reaped, by its own pid, when it goes out of scope, and killed as well when
/// the thread that started it ends without that.
class Process {
public:
    struct Options {
        /// Besides the test's own: "NAME=value" sets a variable, "NAME" takes one away.
        std::vector<std::string> environment;
        std::function<void()> before_exec;  ///< runs in the child; async-signal-safe
    };

    /// Starts `command`; its output, both stdout and stderr, is collected.
    explicit Process(const std::vector<std::string>& command) : Process(command, Options{}) {}
    Process(const std::vector<std::string>& command, const Options& options);
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    [[nodiscard]] pid_t pid() const { return pid_; }
    /// What it has written so far, from the byte `from` on.
    [[nodiscard]] std::string output(std::size_t from = 0) const;
    void signal(int number) const;
    /// Sends SIGSTOP and waits until it stands still.
    void stop() const;
    void resume() const;
    /// Waits for its end. @returns the exit code, 128 + N where signal N ended it, none after `limit`
    std::optional<int> wait(std::chrono::milliseconds limit = kLimit);

private:
    pid_t pid_ = -1;
    std::optional<int> status_;
    int output_ = -1;
};

struct Result {
    int status;
    std::string output;
};

/// Runs `command` to its end.
Result run(const std::vector<std::string>& command, const std::vector<std::string>& environment = {});

/// Runs a line of shell to its end.
Result shell(const std::string& line);

std::string read_file(const std::string& path);
/// The sum of what stands behind `key` in the lines of a file of /proc that begin with it, such as "VmRSS:" of
/// /proc/PID/status or "Private_" of /proc/PID/smaps_rollup.
std::uint64_t sum_of(const std::string& key, const std::string& path);
/// What a variable of the environment says, where it is set.
std::uint64_t number_in_environment(const char* variable, std::uint64_t otherwise);
/// Writes to a file that exists. @returns 0 or errno: files of sysfs and configfs answer a write
int write_file(const std::string& path, const std::string& text);

/// A directory of the test's own, gone with it.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory();

    [[nodiscard]] const std::string& path() const { return path_; }
    /// Makes or replaces a file in it. @returns the file's path
    std::string file(const std::string& name, const std::string& text) const;

private:
    std::string path_;
};

}  // namespace drvbus::test

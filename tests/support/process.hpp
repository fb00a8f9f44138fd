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

/// A child process in a process group of its own. If it runs, the destructor kills the group, because a shell or
/// runuser starts other processes, and reaps the child. The kernel kills the child when the thread that started it
/// ends.
class Process {
public:
    struct Options {
        /// Changes to the environment of the test: "NAME=value" sets a variable, "NAME" removes it.
        std::vector<std::string> environment;
        std::function<void()> before_exec;  ///< runs in the child; must be async-signal-safe
    };

    /// Starts `command` and collects what it writes to stdout and stderr.
    explicit Process(const std::vector<std::string>& command) : Process(command, Options{}) {}
    Process(const std::vector<std::string>& command, const Options& options);
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    [[nodiscard]] pid_t pid() const { return pid_; }
    /// Its output so far, from byte `from` on.
    [[nodiscard]] std::string output(std::size_t from = 0) const;
    void signal(int number) const;
    /// Sends SIGSTOP and waits until the process has stopped.
    void stop() const;
    /// Sends SIGCONT.
    void resume() const;
    /// Waits until it exits. @returns the exit code, 128 + N if signal N killed it, std::nullopt after `limit`
    std::optional<int> wait(std::chrono::milliseconds limit = kLimit);

private:
    pid_t pid_ = -1;
    std::optional<int> status_;
    int output_ = -1;
};

/// Makes the permissions of files apply to a process of root. For Options::before_exec.
void drop_access_capabilities();

struct Result {
    int status;
    std::string output;
};

/// Raises the limit of open files of the test program and of processes started later to at least `count`, if the hard
/// limit or privilege allows it.
void raise_file_limit(std::uint64_t count);
/// Keeps transparent huge pages from changing the memory use of the calling process by 2 MiB at a time; inherited
/// across exec. For Options::before_exec.
void disable_huge_pages();

/// Runs `command` and waits until it exits.
Result run(const std::vector<std::string>& command, const std::vector<std::string>& environment = {});

/// As `run`, with an exit status of 0. @returns the output
/// @throws std::runtime_error if the status is another one
std::string must_run(const std::vector<std::string>& command);

/// Runs a line of shell and waits until it exits.
Result shell(const std::string& line);

std::string read_file(const std::string& path);
/// Adds the numbers of all lines of a /proc file that start with `key`, such as "VmRSS:" in /proc/PID/status or
/// "Private_" in /proc/PID/smaps_rollup.
std::uint64_t sum_of(const std::string& key, const std::string& path);
/// The number in an environment variable, or `default_value` if the variable is not set.
std::uint64_t number_in_environment(const char* variable, std::uint64_t default_value);
/// Writes `text` to an existing file with one write(2), as sysfs and configfs need it. @returns 0 or errno
int write_file(const std::string& path, const std::string& text);

/// A temporary directory; the destructor removes it with its contents.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory();

    [[nodiscard]] const std::string& path() const { return path_; }
    /// Creates or replaces a file in it. @returns the file's path
    std::string file(const std::string& name, const std::string& text) const;

private:
    std::string path_;
};

}  // namespace drvbus::test

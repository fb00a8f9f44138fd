// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Access to a channel's node without drvbusd.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/drvbus.h>
#include <sys/types.h>

#include "base/unique_fd.hpp"
#include "sim.hpp"

namespace drvbus::test {

/// A struct drvbus_record with its payload.
struct NodeRecord {
    std::uint64_t sequence;
    std::uint64_t time_ns;
    std::uint32_t id;
    std::uint32_t flags;
    std::string payload;
};

/// Splits the bytes of a read into records. Throws if a record is incomplete or its padding is not zero.
std::vector<NodeRecord> parse_records(std::string_view bytes);

std::vector<std::uint64_t> sequences(const std::vector<NodeRecord>& records);

/// @returns the sequences `first` to `last`
std::vector<std::uint64_t> sequences(std::uint64_t first, std::uint64_t last);

/// @returns errno if `result` is that of a failed system call; otherwise 0
int error_of(long result);

/// A client: an open file of a channel's node.
class Node {
public:
    /// Throws if the node cannot be opened.
    explicit Node(const SimChannel& channel, int flags = O_NONBLOCK) : Node(channel.node(), flags) {}
    explicit Node(const std::string& path, int flags = O_NONBLOCK);

    [[nodiscard]] int fd() const { return fd_.get(); }
    void close() { fd_.reset(); }

    /// @returns the records of one read. Throws on an error and on end of file.
    [[nodiscard]] std::vector<NodeRecord> read(std::size_t size = 1U << 20U) const;
    [[nodiscard]] std::vector<NodeRecord> pread(std::uint64_t sequence, std::size_t size = 1U << 20U) const;
    /// Reads until the node is drained.
    [[nodiscard]] std::vector<NodeRecord> read_all() const;
    /// @returns the error of a read; 0: it returned data; -1: end of file
    [[nodiscard]] int read_error(std::size_t size = 1U << 20U) const;
    [[nodiscard]] int pread_error(std::int64_t offset, std::size_t size = 1U << 20U) const;
    /// @returns the new position, or a negative error
    [[nodiscard]] std::int64_t seek(std::int64_t offset, int whence) const;
    /// @returns the present result of poll(2) for POLLIN and POLLPRI
    [[nodiscard]] int poll() const;
    [[nodiscard]] drvbus_info info() const;
    /// Registers an eventfd; -1 unregisters it. @returns 0 or the error
    [[nodiscard]] int set_eventfd(int fd) const;

private:
    UniqueFd fd_;
};

/// @returns a new eventfd, non-blocking
UniqueFd make_eventfd(int flags = 0);
/// Reads and resets the counter of an eventfd. @returns 0 if it was 0
std::uint64_t read_counter(int eventfd);

/// A thread for a blocking call. The destructor joins it.
class Caller {
public:
    explicit Caller(std::function<void()> call);
    Caller(const Caller&) = delete;
    Caller& operator=(const Caller&) = delete;
    ~Caller() { join(); }

    [[nodiscard]] pid_t tid() const { return tid_; }
    /// Waits until the thread sleeps in a system call. @returns false on a timeout
    [[nodiscard]] bool blocks_in(long system_call) const;
    void interrupt(int signal);
    void join();

private:
    std::atomic<pid_t> tid_{0};
    std::thread thread_;
};

/// Loads a module and its dependencies. Throws on an error.
void load(const std::string& module);
/// Unloads a module with delete_module(2) and O_NONBLOCK. @returns 0 or the error
int unload(const std::string& module);

}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A channel's node as a process without drvbusd sees it.
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

/// A struct drvbus_record and what follows it.
struct NodeRecord {
    std::uint64_t sequence;
    std::uint64_t time_ns;
    std::uint32_t id;
    std::uint32_t flags;
    std::string payload;
};

/// Takes the bytes of a read apart. Throws where they are not whole records with all else zero.
std::vector<NodeRecord> parse_records(std::string_view bytes);

std::vector<std::uint64_t> sequences(const std::vector<NodeRecord>& records);

/// @returns the sequences `first` to `last`
std::vector<std::uint64_t> sequences(std::uint64_t first, std::uint64_t last);

/// @returns errno where a system call returned `result` and that says failure; else 0
int error_of(long result);

/// A reader: an open file on a channel's node.
class Node {
public:
    /// Throws where it cannot be opened.
    explicit Node(const SimChannel& channel, int flags = O_NONBLOCK) : Node(channel.node(), flags) {}
    explicit Node(const std::string& path, int flags = O_NONBLOCK);

    [[nodiscard]] int fd() const { return fd_.get(); }
    void close() { fd_.reset(); }

    /// The records of one read. Throws where it fails, and where it says end of file, which is not the same
    /// as no records.
    [[nodiscard]] std::vector<NodeRecord> read(std::size_t size = 1U << 20U) const;
    [[nodiscard]] std::vector<NodeRecord> pread(std::uint64_t sequence, std::size_t size = 1U << 20U) const;
    /// Reads until no event is left.
    [[nodiscard]] std::vector<NodeRecord> read_all() const;
    /// @returns the error of a read; 0: it read something; -1: end of file
    [[nodiscard]] int read_error(std::size_t size = 1U << 20U) const;
    [[nodiscard]] int pread_error(std::int64_t offset, std::size_t size = 1U << 20U) const;
    /// @returns the new position or, where it fails, the negative error
    [[nodiscard]] std::int64_t seek(std::int64_t offset, int whence) const;
    /// What poll(2) tells of it right now.
    [[nodiscard]] int poll() const;
    [[nodiscard]] drvbus_info info() const;
    /// Hands an eventfd over; -1 takes it back. @returns 0 or the error
    [[nodiscard]] int set_eventfd(int fd) const;

private:
    UniqueFd fd_;
};

/// An eventfd of the test.
UniqueFd make_eventfd(int flags = 0);
/// Takes what an eventfd has counted.
std::uint64_t take(int eventfd);

/// A thread for a call that blocks; joined at the end.
class Caller {
public:
    explicit Caller(std::function<void()> call);
    Caller(const Caller&) = delete;
    Caller& operator=(const Caller&) = delete;
    ~Caller() { join(); }

    [[nodiscard]] pid_t tid() const { return tid_; }
    /// Waits until the thread sleeps in this system call. @returns whether it does
    [[nodiscard]] bool blocks_in(long system_call) const;
    void interrupt(int signal);
    void join();

private:
    std::atomic<pid_t> tid_{0};
    std::thread thread_;
};

/// Loads a module and what it needs; throws where that fails.
void load(const std::string& module);
/// delete_module(2), without waiting. @returns 0 or the error
int unload(const std::string& module);

}  // namespace drvbus::test

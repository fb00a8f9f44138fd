// SPDX-License-Identifier: LGPL-2.1-or-later
#include "kmod_node.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/io.hpp"
#include "support/process.hpp"
#include "support/wait.hpp"

namespace drvbus::test {

namespace {

bool all_zero(std::string_view bytes)
{
    return std::ranges::all_of(bytes, [](char byte) { return byte == '\0'; });
}

std::vector<NodeRecord> records_of(std::string& buffer, ssize_t size, const char* what)
{
    must(static_cast<int>(size), what);
    if (size == 0)
        throw std::runtime_error(std::string(what) + ": end of file");
    buffer.resize(static_cast<std::size_t>(size));
    return parse_records(buffer);
}

/// Converts a result of read(2) as Node::read_error() returns it.
int error_or_end(ssize_t result)
{
    return result == 0 ? -1 : error_of(result);
}

}  // namespace

std::vector<NodeRecord> parse_records(std::string_view bytes)
{
    std::vector<NodeRecord> records;
    while (!bytes.empty()) {
        drvbus_record header{};
        if (bytes.size() < sizeof(header))
            throw std::runtime_error("incomplete header");
        std::memcpy(&header, bytes.data(), sizeof(header));
        bytes.remove_prefix(sizeof(header));
        const std::size_t padding = -header.length % DRVBUS_RECORD_ALIGN;
        if (bytes.size() < header.length + padding)
            throw std::runtime_error("incomplete payload");
        if (header.reserved != 0 || !all_zero(bytes.substr(header.length, padding)))
            throw std::runtime_error("reserved bytes or padding are not zero");
        records.push_back(
            {header.sequence, header.time_ns, header.id, header.flags, std::string(bytes.substr(0, header.length))});
        bytes.remove_prefix(header.length + padding);
    }
    return records;
}

std::vector<std::uint64_t> sequences(const std::vector<NodeRecord>& records)
{
    std::vector<std::uint64_t> result;
    std::ranges::transform(records, std::back_inserter(result), &NodeRecord::sequence);
    return result;
}

std::vector<std::uint64_t> sequences(std::uint64_t first, std::uint64_t last)
{
    std::vector<std::uint64_t> result(last - first + 1);
    std::iota(result.begin(), result.end(), first);
    return result;
}

int error_of(long result)
{
    return result < 0 ? errno : 0;
}

Node::Node(const std::string& path, int flags)
    : fd_(must(open(path.c_str(), O_RDONLY | O_CLOEXEC | flags), path.c_str()))
{
}

std::vector<NodeRecord> Node::read(std::size_t size) const
{
    std::string buffer(size, '\xff');
    return records_of(buffer, ::read(fd(), buffer.data(), size), "read");
}

std::vector<NodeRecord> Node::pread(std::uint64_t sequence, std::size_t size) const
{
    std::string buffer(size, '\xff');
    return records_of(buffer, ::pread(fd(), buffer.data(), size, static_cast<off_t>(sequence)), "pread");
}

std::vector<NodeRecord> Node::read_all() const
{
    std::vector<NodeRecord> all;
    while ((poll() & POLLIN) != 0)
        std::ranges::move(read(), std::back_inserter(all));
    return all;
}

int Node::read_error(std::size_t size) const
{
    std::string buffer(size, '\0');
    return error_or_end(::read(fd(), buffer.data(), size));
}

int Node::pread_error(std::int64_t offset, std::size_t size) const
{
    std::string buffer(size, '\0');
    return error_or_end(::pread(fd(), buffer.data(), size, offset));
}

std::int64_t Node::seek(std::int64_t offset, int whence) const
{
    const off_t position = lseek(fd(), offset, whence);
    return position < 0 ? -errno : position;
}

int Node::poll() const
{
    pollfd entry{fd(), POLLIN | POLLPRI, 0};
    must(::poll(&entry, 1, 0), "poll");
    return entry.revents;
}

drvbus_info Node::info() const
{
    drvbus_info info{};
    must(ioctl(fd(), DRVBUS_IOC_INFO, &info), "DRVBUS_IOC_INFO");
    return info;
}

int Node::set_eventfd(int fd) const
{
    const std::int32_t argument = fd;
    return error_of(ioctl(this->fd(), DRVBUS_IOC_EVENTFD, &argument));
}

UniqueFd make_eventfd(int flags)
{
    return UniqueFd(must(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC | flags), "eventfd"));
}

std::uint64_t read_counter(int eventfd)
{
    std::uint64_t count = 0;
    if (eventfd_read(eventfd, &count) < 0 && errno != EAGAIN)
        throw std::runtime_error("eventfd_read");
    return count;
}

Caller::Caller(std::function<void()> call)
    : thread_([this, call = std::move(call)] {
          tid_ = gettid();
          call();
      })
{
    wait_until([this] { return tid_ != 0; });
}

bool Caller::blocks_in(long system_call) const
{
    // The file contains "running" unless the thread sleeps; then it has the number and arguments of the call.
    const std::string path = "/proc/self/task/" + std::to_string(tid_) + "/syscall";
    return wait_until([&] { return read_file(path).starts_with(std::to_string(system_call) + " "); });
}

void Caller::interrupt(int signal)
{
    pthread_kill(thread_.native_handle(), signal);
}

void Caller::join()
{
    if (thread_.joinable())
        thread_.join();
}

void load(const std::string& module)
{
    const Result result = run({"modprobe", module});
    if (result.status != 0)
        throw std::runtime_error("modprobe " + module + ": " + result.output);
}

int unload(const std::string& module)
{
    return error_of(syscall(SYS_delete_module, module.c_str(), O_NONBLOCK));
}

}  // namespace drvbus::test

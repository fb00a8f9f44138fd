// SPDX-License-Identifier: LGPL-2.1-or-later
#include "reader/input_source.hpp"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace drvbus::reader {

namespace {

constexpr bool means_no_input(int error)
{
    // /dev/kmsg returns EPIPE once if records were overwritten; the next read returns the oldest record.
    return error == EAGAIN || error == EPIPE;
}

class ReadSource final : public InputSource {
public:
    ReadSource(int fd, record::Framing framing) : fd_(fd), framing_(framing)
    {
        struct stat status {};
        const bool known = fstat(fd, &status) == 0;
        is_fifo_ = known && S_ISFIFO(status.st_mode);
        is_byte_stream_ = !known || is_fifo_ || S_ISSOCK(status.st_mode) || isatty(fd) == 1;
        // A socket of another type discards the rest of a message.
        int type = 0;
        socklen_t size = sizeof(type);
        const bool is_stream_socket = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
        keeps_rest_ = is_fifo_ || is_stream_socket || isatty(fd) == 1;
    }

    std::size_t read(std::span<std::byte> buffer, bool& end_of_input) override
    {
        for (bool retried = false;;) {
            const ssize_t got = ::read(fd_, buffer.data(), reads_single_events_ ? framing_.size : buffer.size());
            if (got > 0)
                return checked_size(static_cast<std::size_t>(got));
            if (got == 0) {
                // A FIFO without a writer reports the end of its input, but another writer may open it.
                end_of_input = !is_fifo_;
                return 0;
            }
            if (errno == EPIPE && !std::exchange(retried, true))
                continue;
            if (means_no_input(errno))
                return 0;
            // Some drivers, such as UIO, return EINVAL unless the read is for exactly one event.
            if (errno == EINVAL && framing_.kind == record::Framing::Kind::fixed &&
                !std::exchange(reads_single_events_, true))
                continue;
            if (errno != EINTR)
                throw std::system_error(errno, std::generic_category(), "reading the device");
        }
    }

    [[nodiscard]] bool reads_in_parts() const override
    {
        return keeps_rest_ && framing_.kind != record::Framing::Kind::raw;
    }

private:
    /// @returns `got`
    /// @throws std::runtime_error if a device that returns complete events returned another size: the format is wrong
    [[nodiscard]] std::size_t checked_size(std::size_t got) const
    {
        if (framing_.kind == record::Framing::Kind::fixed && !is_byte_stream_ && got % framing_.size != 0)
            throw std::runtime_error(fmt::format("a read of the device returns {} bytes, the format takes {}: correct "
                                                 "the format, or set records = \"raw\"",
                                                 got, framing_.size));
        return got;
    }

    int fd_;
    record::Framing framing_;
    bool is_fifo_ = false;
    bool is_byte_stream_ = false;       // a read() may return parts of events
    bool keeps_rest_ = false;           // a read() with a small buffer leaves the rest to the next one
    bool reads_single_events_ = false;  // each read() is for one event
};

class SnapshotSource final : public InputSource {
public:
    explicit SnapshotSource(int fd) : fd_(fd)
    {
        // sysfs reports no change of a file before its first read. An error is ignored here: `read` reports it.
        std::byte first{};
        (void)pread(fd_, &first, sizeof(first), 0);
    }

    std::size_t read(std::span<std::byte> buffer, bool& /*end_of_input*/) override
    {
        if (pending_ == 0)
            return 0;
        std::size_t size = 0;
        while (size < buffer.size()) {
            const ssize_t got = pread(fd_, buffer.data() + size, buffer.size() - size, static_cast<off_t>(size));
            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0)
                throw std::system_error(errno, std::generic_category(), "reading the device");
            if (got == 0)
                break;
            size += static_cast<std::size_t>(got);
        }
        --pending_;
        return size;
    }

    void notified(std::uint64_t count, bool /*exact*/) override { pending_ += std::min(count, UINT64_MAX - pending_); }

private:
    int fd_;
    std::uint64_t pending_ = 0;  // notifications for which the file has not been read yet
};

/// Gets each event with an ioctl. An eventfd counts the events, so the ioctl runs once for each counted event. After
/// any other notification it runs until it reports that there is no event.
class FetchSource final : public InputSource {
public:
    FetchSource(device::IoctlStep fetch, device::StepContext context)
        : fetch_(std::move(fetch)), context_(std::move(context))
    {
    }

    std::size_t read(std::span<std::byte> buffer, bool& /*end_of_input*/) override
    {
        if (pending_ == 0)
            return 0;
        try {
            const device::StepResult result = run(fetch_, context_);
            --pending_;
            const std::size_t size = std::min(result.argument.size(), buffer.size());
            std::copy_n(result.argument.begin(), size, buffer.begin());
            return size;
        } catch (const std::system_error& error) {
            const int code = error.code().value();
            if (code != EAGAIN && code != ENODATA && code != ENOMSG)
                throw;
            pending_ = 0;
            return 0;
        }
    }

    void notified(std::uint64_t count, bool exact) override
    {
        if (count > 0 && !exact)
            count = UINT64_MAX;
        pending_ += std::min(count, UINT64_MAX - pending_);
    }

private:
    device::IoctlStep fetch_;
    device::StepContext context_;
    std::uint64_t pending_ = 0;  // calls of the ioctl that are still to be made
};

/// Reads another source, and runs the rearm steps first and after each read that returned input.
class RearmingSource final : public InputSource {
public:
    RearmingSource(std::unique_ptr<InputSource> source, std::vector<device::SetupStep> steps,
                   device::StepContext context)
        : source_(std::move(source)), steps_(std::move(steps)), context_(std::move(context))
    {
        run_steps();
    }

    std::size_t read(std::span<std::byte> buffer, bool& end_of_input) override
    {
        if (std::exchange(rearm_pending_, false))
            run_steps();
        const std::size_t got = source_->read(buffer, end_of_input);
        // The steps run in the next call: one may fail, and by then the input is in the checkpoint.
        rearm_pending_ = got > 0;
        return got;
    }

    [[nodiscard]] bool reads_in_parts() const override { return source_->reads_in_parts(); }

    void notified(std::uint64_t count, bool exact) override { source_->notified(count, exact); }

private:
    void run_steps() const
    {
        for (const device::SetupStep& step : steps_)
            (void)run(step, context_);
    }

    std::unique_ptr<InputSource> source_;
    std::vector<device::SetupStep> steps_;
    device::StepContext context_;
    bool rearm_pending_ = false;
};

}  // namespace

std::unique_ptr<InputSource> make_read_source(int fd, record::Framing framing)
{
    return std::make_unique<ReadSource>(fd, framing);
}

std::unique_ptr<InputSource> make_source(const device::Settings& settings, const device::StepContext& context)
{
    std::unique_ptr<InputSource> source;
    if (settings.fetch)
        source = std::make_unique<FetchSource>(*settings.fetch, context);
    else if (settings.framing.kind == record::Framing::Kind::snapshot)
        source = std::make_unique<SnapshotSource>(context.device);
    else
        source = make_read_source(context.device, settings.framing);
    if (!settings.rearm.empty())
        source = std::make_unique<RearmingSource>(std::move(source), settings.rearm, context);
    return source;
}

}  // namespace drvbus::reader

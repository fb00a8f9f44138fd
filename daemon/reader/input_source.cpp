// SPDX-License-Identifier: LGPL-2.1-or-later
#include "reader/input_source.hpp"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace drvbus::reader {

namespace {

constexpr bool is_nothing_now(int error)
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
        fifo_ = known && S_ISFIFO(status.st_mode);
        joins_ = !known || fifo_ || S_ISSOCK(status.st_mode) || isatty(fd) == 1;
    }

    std::size_t read(std::span<std::byte> room, bool& ended) override
    {
        for (bool again = false;;) {
            const ssize_t got = ::read(fd_, room.data(), one_by_one_ ? framing_.size : room.size());
            if (got > 0)
                return checked(static_cast<std::size_t>(got));
            if (got == 0) {
                ended = !fifo_;  // without a writer, a FIFO reads as ended, but another writer may open it
                return 0;
            }
            if (errno == EPIPE && !std::exchange(again, true))
                continue;
            if (is_nothing_now(errno))
                return 0;
            // UIO and others accept only reads of exactly one event, and return EINVAL otherwise.
            if (errno == EINVAL && framing_.kind == record::Framing::Kind::fixed && !std::exchange(one_by_one_, true))
                continue;
            if (errno != EINTR)
                throw std::system_error(errno, std::generic_category(), "reading the device");
        }
    }

private:
    /// A device that is not a byte stream returns complete events. Another size means that the format is wrong.
    [[nodiscard]] std::size_t checked(std::size_t got) const
    {
        if (framing_.kind == record::Framing::Kind::fixed && !joins_ && got % framing_.size != 0)
            throw std::runtime_error(fmt::format("a read of the device returns {} bytes, the format takes {}: correct "
                                                 "the format, or set records = \"raw\"",
                                                 got, framing_.size));
        return got;
    }

    int fd_;
    record::Framing framing_;
    bool fifo_ = false;
    bool joins_ = false;
    bool one_by_one_ = false;
};

class SnapshotSource final : public InputSource {
public:
    explicit SnapshotSource(int fd) : fd_(fd)
    {
        // sysfs reports no change before the file was read once. An error shows with the first regular read.
        std::byte first{};
        (void)pread(fd_, &first, sizeof(first), 0);
    }

    std::size_t read(std::span<std::byte> room, bool& /*ended*/) override
    {
        if (pending_ == 0)
            return 0;
        std::size_t size = 0;
        while (size < room.size()) {
            const ssize_t got = pread(fd_, room.data() + size, room.size() - size, static_cast<off_t>(size));
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
    std::uint64_t pending_ = 0;
};

/// Gets each event with an ioctl: once for each count of an eventfd, and after any other notification until the ioctl
/// reports that there is no event.
class FetchSource final : public InputSource {
public:
    FetchSource(device::IoctlStep fetch, device::StepContext files) : fetch_(std::move(fetch)), files_(std::move(files))
    {
    }

    std::size_t read(std::span<std::byte> room, bool& /*ended*/) override
    {
        if (pending_ == 0)
            return 0;
        try {
            const device::StepResult result = run(fetch_, files_);
            --pending_;
            const std::size_t size = std::min(result.argument.size(), room.size());
            std::copy_n(result.argument.begin(), size, room.begin());
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
    device::StepContext files_;
    std::uint64_t pending_ = 0;
};

/// Runs the rearm steps after each read of another source.
class RearmingSource final : public InputSource {
public:
    RearmingSource(std::unique_ptr<InputSource> source, std::vector<device::SetupStep> rearm, device::StepContext files)
        : source_(std::move(source)), rearm_(std::move(rearm)), files_(std::move(files))
    {
        arm();
    }

    std::size_t read(std::span<std::byte> room, bool& ended) override
    {
        if (std::exchange(due_, false))
            arm();
        const std::size_t got = source_->read(room, ended);
        // In the next call, when the input is in the checkpoint: a step may fail.
        due_ = got > 0;
        return got;
    }

    void notified(std::uint64_t count, bool exact) override { source_->notified(count, exact); }

private:
    void arm() const
    {
        for (const device::SetupStep& step : rearm_)
            (void)run(step, files_);
    }

    std::unique_ptr<InputSource> source_;
    std::vector<device::SetupStep> rearm_;
    device::StepContext files_;
    bool due_ = false;
};

}  // namespace

std::unique_ptr<InputSource> make_read_source(int fd, record::Framing framing)
{
    return std::make_unique<ReadSource>(fd, framing);
}

std::unique_ptr<InputSource> make_source(const device::Settings& settings, const device::StepContext& files)
{
    std::unique_ptr<InputSource> source;
    if (settings.fetch)
        source = std::make_unique<FetchSource>(*settings.fetch, files);
    else if (settings.framing.kind == record::Framing::Kind::snapshot)
        source = std::make_unique<SnapshotSource>(files.device);
    else
        source = make_read_source(files.device, settings.framing);
    if (!settings.rearm.empty())
        source = std::make_unique<RearmingSource>(std::move(source), settings.rearm, files);
    return source;
}

}  // namespace drvbus::reader

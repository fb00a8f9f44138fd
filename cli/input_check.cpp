// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/input_check.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/recorder.hpp"
#include "device/setup.hpp"
#include "record/framer.hpp"
#include "record/framing_advice.hpp"
#include "record/record.hpp"

namespace drvbus::cli {

namespace {

using record::Frame;
using record::Framing;

constexpr std::size_t kExplainedBytes = 4096;

/// Why `drvbusctl` does not read the device; empty if it does.
std::string reason_not_read(const device::Settings& settings)
{
    if (settings.fetch)
        return "an ioctl returns its events";
    if (settings.framing.kind == Framing::Kind::snapshot)
        return "each event is the content of a file";
    if (!settings.rearm.empty())
        return "a step is needed for each event";
    return {};
}

/// Divides input into events and counts them.
class InputCount {
public:
    InputCount(const device::ChannelSettings& channel, std::vector<std::byte> prefix)
        : framing_(channel.device->framing), format_(channel.format.value_or(format::Format{})), framer_(framing_),
          decoder_(channel.device->decoding, std::move(prefix))
    {
    }

    void add(std::span<const std::byte> bytes)
    {
        bytes_ += bytes.size();
        const std::size_t explained = std::min(kExplainedBytes - first_bytes_.size(), bytes.size());
        first_bytes_.insert(first_bytes_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(explained));
        pending_.insert(pending_.end(), bytes.begin(), bytes.end());
        std::size_t framed = 0;
        for (;;) {
            const Frame frame = framer_.next(std::span<const std::byte>(pending_).subspan(framed), false, skipping_);
            if (frame.kind == Frame::Kind::incomplete)
                break;
            count(frame);
            framed += frame.size;
        }
        pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(framed));
    }

    [[nodiscard]] std::string describe() const
    {
        if (bytes_ == 0)
            return "no data arrived";
        std::string text = fmt::format("{} bytes, {} records", bytes_, records_);
        for (const auto& [what, number] : {std::pair{"do not fit the format", mismatches_},
                                           {"ignored", ignored_},
                                           {"cut at the limit", cut_},
                                           {"framing errors", errors_}}) {
            if (number > 0)
                text += fmt::format("; {}: {}", what, number);
        }
        const bool has_end = framing_.kind == Framing::Kind::lines || framing_.kind == Framing::Kind::frames;
        if (has_end && records_ == cut_)
            text += "; none of the bytes ends a record: " + record::explain_missing_end(framing_, first_bytes_);
        return text;
    }

private:
    void count(const Frame& frame)
    {
        errors_ += frame.begins_to_skip(skipping_) ? 1 : 0;
        skipping_ = frame.skipping;
        if (frame.kind == Frame::Kind::skipped)
            return;
        ++records_;
        cut_ += frame.kind == Frame::Kind::cut ? 1 : 0;
        if (framing_.kind == Framing::Kind::records) {
            mismatches_ += format_.fits(frame.payload.size()) ? 0 : 1;
            return;
        }
        const std::optional<record::Event> event = decoder_.decode(frame.payload, sequence_);
        ignored_ += event ? 0 : 1;
        mismatches_ += event && (event->flags & record::kFormatMismatch) != 0 ? 1 : 0;
    }

    Framing framing_;
    format::Format format_;
    record::Framer framer_;
    record::Decoder decoder_;
    record::SequenceCounter sequence_;
    bool skipping_ = false;
    std::vector<std::byte> pending_;      // input that is not framed yet
    std::vector<std::byte> first_bytes_;  // for an explanation
    std::uint64_t bytes_ = 0;
    std::uint64_t records_ = 0;
    std::uint64_t mismatches_ = 0;
    std::uint64_t ignored_ = 0;
    std::uint64_t cut_ = 0;
    std::uint64_t errors_ = 0;
};

/// The setup of an open device, which is undone at the end.
class DeviceSetup {
public:
    DeviceSetup(const device::Settings& settings, UniqueFd device)
        : settings_(settings), device_(std::move(device)), state_(device::run_setup(settings, device_, eventfd_))
    {
    }
    DeviceSetup(const DeviceSetup&) = delete;
    DeviceSetup& operator=(const DeviceSetup&) = delete;
    ~DeviceSetup() { device::undo_setup(settings_, state_, device_.get(), eventfd_.get()); }

    [[nodiscard]] int fd() const { return device_.get(); }
    [[nodiscard]] const std::vector<std::byte>& prefix() const { return state_.payload_prefix; }

private:
    const device::Settings& settings_;
    UniqueFd device_;
    UniqueFd eventfd_;
    device::SetupState state_;
};

std::string describe_end(const Recording& recording)
{
    switch (recording.end) {
    case Recording::End::end_of_file:
        return "; the device hung up";
    case Recording::End::interrupted:
        return "; interrupted";
    case Recording::End::failed:
        return fmt::format("; reading failed: {}", std::strerror(recording.error));
    default:
        return {};
    }
}

}  // namespace

std::string InputCheck::read(const device::ChannelSettings& channel, UniqueFd device)
{
    if (interrupted_)
        return "not read: interrupted";
    if (const std::string reason = reason_not_read(*channel.device); !reason.empty())
        return "not read: " + reason;
    const DeviceSetup setup(*channel.device, std::move(device));
    InputCount count(channel, setup.prefix());
    const Recording recording =
        Recorder(setup.fd()).record(duration_, [&count](std::chrono::nanoseconds, std::span<const std::byte> bytes) {
            count.add(bytes);
        });
    interrupted_ = recording.end == Recording::End::interrupted;
    return count.describe() + describe_end(recording);
}

}  // namespace drvbus::cli

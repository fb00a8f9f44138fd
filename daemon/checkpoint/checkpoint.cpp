// SPDX-License-Identifier: LGPL-2.1-or-later
#include "checkpoint/checkpoint.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <linux/drvbus.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "record/event_names.hpp"

namespace drvbus::checkpoint {

namespace {

constexpr std::size_t kHeaderSize = 16384;  // bytes, a multiple of the page size; the kernel allocates only used pages
// The last character is the version of the layout.
constexpr std::array<char, 8> kMagic{'d', 'r', 'v', 'b', 'u', 's', 'L', '5'};

// More than all members of the header need, except `text_and_setup`.
constexpr std::size_t kOtherMembers = 512;
constexpr std::size_t kMaxSetup = 4096;
constexpr std::size_t kMaxText = kHeaderSize - kOtherMembers - kMaxSetup;

}  // namespace

/// The first pages of the file. The layout changes only together with kMagic, because another release may have written
/// the file.
struct Checkpoint::Header {
    std::array<char, 8> magic;
    // Only the element with the index `current` is valid. The other one may be written only in part.
    std::array<Progress, 2> progress;
    ReplayLog::Header replay_log;
    StagingArea::Bounds staging_area;
    std::uint64_t settings_hash;
    std::uint32_t current;
    record::Framing framing;
    std::uint8_t is_drvbus_class;
    std::uint16_t text_size;
    std::uint32_t setup_size;
    /// Name, node, format and event names, each followed by a NUL; then the result of the setup. Those of most channels
    /// fit into the first page of the header, together with the members above.
    std::array<char, kHeaderSize - kOtherMembers> text_and_setup;
};

Checkpoint::Checkpoint(UniqueFd file) : file_(std::move(file)), mapping_(file_.get(), 0, kHeaderSize)
{
    static_assert(sizeof(Header) <= kHeaderSize);
}

Checkpoint Checkpoint::create(const record::ChannelDescription& description, std::uint64_t instance)
{
    UniqueFd file(memfd_create("drvbus-checkpoint", MFD_CLOEXEC));
    if (!file || ftruncate(file.get(), kHeaderSize + ReplayLog::kCapacity + StagingArea::kCapacity) < 0)
        throw std::system_error(errno, std::generic_category(), "memfd_create");

    std::string text;
    for (const std::string& part :
         {description.name, description.node, description.format, record::event_names_text(description.event_names)})
        text.append(part).push_back('\0');

    Checkpoint checkpoint(std::move(file));
    Header& header = checkpoint.header();
    if (text.size() > kMaxText)
        throw std::runtime_error(
            fmt::format("the description of the channel is {} bytes long; the limit is {}", text.size(), kMaxText));
    header.progress[0] = {.instance = instance};
    header.is_drvbus_class = description.is_drvbus_class ? 1 : 0;
    header.framing = description.framing;
    header.settings_hash = description.settings_hash;
    header.text_size = static_cast<std::uint16_t>(text.size());
    std::ranges::copy(text, header.text_and_setup.begin());
    header.magic = kMagic;
    return checkpoint;
}

Checkpoint Checkpoint::adopt(UniqueFd file)
{
    struct stat status {};
    if (fstat(file.get(), &status) < 0 || status.st_size != kHeaderSize + ReplayLog::kCapacity + StagingArea::kCapacity)
        throw std::runtime_error("its size is wrong");
    Checkpoint checkpoint(std::move(file));
    checkpoint.check();
    if (checkpoint.has_replay_log()) {
        const Progress& progress = checkpoint.progress();
        checkpoint.replay_log().check(progress.record_bytes);
        // Reader::read_at begins to parse at the first record of the instance.
        checkpoint.replay_log().check(std::max(progress.instance_begin, checkpoint.replay_log().begin()));
        checkpoint.staging_area().check(checkpoint.replay_log().framing_progress().staging_begin);
    }
    return checkpoint;
}

void Checkpoint::check() const
{
    const Header& header = this->header();
    if (header.magic != kMagic)
        throw std::runtime_error("another release of drvbusd wrote it");
    if (header.current > 1 || header.replay_log.current > 1 || header.replay_log.in_use > 1 ||
        !header.framing.is_valid() || header.setup_size > kMaxSetup || header.text_size > kMaxText ||
        std::count(header.text_and_setup.begin(), header.text_and_setup.begin() + header.text_size, '\0') != 4)
        throw std::runtime_error("it is damaged");
    const Progress& progress = this->progress();
    // A device that sends drvbus records chooses the sequences. Otherwise the daemon counts: gaps stop below 2^61
    // (kMaxSequenceAfterGap in decoding.cpp), so a sequence above kMaxBytes means damage.
    const std::uint64_t next = header.replay_log.in_use != 0
                                   ? header.replay_log.framing_progress.at(header.replay_log.current).sequence.next
                                   : progress.next_sequence;
    if (header.framing.kind != record::Framing::Kind::records && next > kMaxBytes)
        throw std::runtime_error("it is damaged");
    if (progress.next_sequence == 0 || progress.instance_begin > progress.record_bytes ||
        progress.record_bytes > kMaxBytes)
        throw std::runtime_error("it is damaged");
}

Checkpoint::Header& Checkpoint::header() const noexcept
{
    return *reinterpret_cast<Header*>(mapping_.data());
}

record::ChannelDescription Checkpoint::description() const
{
    const char* at = header().text_and_setup.data();
    const auto next = [&at] {
        std::string part(at);
        at += part.size() + 1;
        return part;
    };
    record::ChannelDescription description;
    description.name = next();
    description.node = next();
    description.format = next();
    description.event_names = record::parse_event_names(next());
    description.is_drvbus_class = header().is_drvbus_class != 0;
    description.framing = header().framing;
    description.settings_hash = header().settings_hash;
    return description;
}

const Progress& Checkpoint::progress() const noexcept
{
    return header().progress.at(header().current);
}

void Checkpoint::commit(const Progress& progress) noexcept
{
    const std::uint32_t other = 1 - header().current;
    header().progress.at(other) = progress;
    std::atomic_ref(header().current).store(other, std::memory_order_release);
}

bool Checkpoint::has_replay_log() const noexcept
{
    return header().replay_log.in_use != 0;
}

std::uint64_t Checkpoint::framing_errors() const noexcept
{
    const ReplayLog::Header& log = header().replay_log;
    return log.framing_progress.at(log.current).framing_errors;
}

void Checkpoint::create_or_map_buffers()
{
    if (replay_log_)
        return;
    if (!has_replay_log()) {
        header().staging_area = StagingArea::empty();
        // The offset is not 0 if the channel was read from a ring before.
        header().replay_log = ReplayLog::empty(progress().record_bytes, progress().next_sequence);
    }
    replay_log_ = ReplayLog(file_.get(), kHeaderSize, header().replay_log);
    staging_area_ = StagingArea(file_.get(), kHeaderSize + ReplayLog::kCapacity, header().staging_area);
}

ReplayLog& Checkpoint::replay_log()
{
    create_or_map_buffers();
    return replay_log_;
}

StagingArea& Checkpoint::staging_area()
{
    create_or_map_buffers();
    return staging_area_;
}

void Checkpoint::discard_staged()
{
    staging_area().advance_end(staging_area().bytes_beyond_end());
    FramingProgress next = replay_log().framing_progress();
    next.staging_begin = staging_area().end();
    next.sequence.has_device_number = 0;
    next.sequence.state &= ~record::SequenceCounter::kIncompletePart;
    next.skipping = 0;
    replay_log().append(next);
}

void Checkpoint::release_free_space() noexcept
{
    if (staging_area_)
        staging_area_.release_free_space(replay_log_.framing_progress().staging_begin);
}

std::span<const std::byte> Checkpoint::setup() const noexcept
{
    return std::as_bytes(std::span(header().text_and_setup)).subspan(header().text_size, header().setup_size);
}

void Checkpoint::set_setup(std::span<const std::byte> bytes)
{
    Header& header = this->header();
    if (bytes.size() > kMaxSetup)
        throw std::runtime_error(
            fmt::format("the result of the setup is {} bytes long; the limit is {}", bytes.size(), kMaxSetup));
    header.setup_size = 0;
    std::memcpy(header.text_and_setup.data() + header.text_size, bytes.data(), bytes.size());
    header.setup_size = static_cast<std::uint32_t>(bytes.size());
}

}  // namespace drvbus::checkpoint

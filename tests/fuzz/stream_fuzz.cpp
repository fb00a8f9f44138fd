// SPDX-License-Identifier: LGPL-2.1-or-later
//
// An input is a byte that selects the framing, then commands: what the device sends, how many bytes of it arrive at
// once, and what the daemon does in between. Expected result: the daemon publishes the same records as if all bytes had
// arrived at once.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/errno.hpp"
#include "checkpoint/checkpoint.hpp"
#include "framed_daemon.hpp"
#include "input.hpp"
#include "record/record.hpp"
#include "records.hpp"
#include "stream_daemon.hpp"

namespace drvbus::fuzz {

namespace {

// More than the replay log holds; less than a pipe holds.
constexpr std::size_t kMaximumBytes = 640 * 1024;
constexpr std::uint64_t kInstance = 7;

constexpr Framing kRecords{.kind = Framing::Kind::records};
constexpr Framing kRaw{.kind = Framing::Kind::raw};

record::ChannelDescription description(Framing framing)
{
    record::ChannelDescription result;
    result.name = "fuzz";
    result.framing = framing;
    return result;
}

/// The framings, which the first byte of an input selects.
const std::array<Framing, 2 + kFramings.size()>& all_framings()
{
    static const auto all = [] {
        std::array<Framing, 2 + kFramings.size()> framings{kRecords, kRaw};
        std::ranges::transform(kFramings, framings.begin() + 2, [](const auto& make) { return make(); });
        return framings;
    }();
    return all;
}

/// A checkpoint that has not been used. All inputs share its file.
class UnusedCheckpoint {
public:
    UnusedCheckpoint() : checkpoint_(Checkpoint::create(description(kRecords), kInstance))
    {
        (void)checkpoint_.replay_log();
        for (std::size_t framing = 0; framing < images_.size(); ++framing) {
            Checkpoint unused = Checkpoint::create(description(all_framings().at(framing)), kInstance);
            (void)unused.replay_log();
            read_into(images_.at(framing), unused);
        }
    }

    /// @param framing index in `all_framings`
    Checkpoint& of(std::size_t framing)
    {
        const Image& image = images_.at(framing);
        check(static_cast<int>(pwrite(checkpoint_.fd(), image.data(), image.size(), 0)), "pwrite");
        return checkpoint_;
    }

private:
    using Image = std::array<char, 8192>;  // the part of the header that this channel uses

    static void read_into(Image& image, const Checkpoint& checkpoint)
    {
        check(static_cast<int>(pread(checkpoint.fd(), image.data(), image.size(), 0)), "pread");
    }

    Checkpoint checkpoint_;
    std::array<Image, 2 + kFramings.size()> images_{};
};

/// Complete records without their times, which the daemon keeps in order, and without some of their flags.
std::string comparable(std::string_view records, std::uint32_t cleared_flags = 0)
{
    std::string result(records);
    for (std::size_t at = 0; const std::size_t size = first_record(records.substr(at)).size; at += size) {
        drvbus_record header{};
        std::memcpy(&header, result.data() + at, sizeof(header));
        header.flags &= ~cleared_flags;
        header.time_ns = 0;
        std::memcpy(result.data() + at, &header, sizeof(header));
    }
    return result;
}

/// The daemon of a device that sends records: offsets in its stream are offsets in the replay log.
class RecordDaemon final : public Daemon {
public:
    RecordDaemon(const Stream& stream, Checkpoint& checkpoint, std::string& memory)
        : Daemon(kRecords, stream, checkpoint), sent_(memory)
    {
        sent_.clear();
    }

    void sent(std::string_view bytes) override { sent_ += bytes; }

    bool read() override
    {
        Reader::Batch batch{};
        try {
            batch = reader().read();
        } catch (const std::runtime_error&) {
            expect(first_record(not_published()).malformed, "only malformed input is refused");
            reopen();
            return false;
        }
        if (batch.status == Status::events)
            check_batch(batch.records);
        else
            check_none(batch.status);
        return batch.status == Status::events;
    }

    void read_at(std::uint64_t since) override
    {
        set_batch({});
        const std::string_view got = as_text(reader().read_at(since));
        std::size_t at = std::max(log().begin(), progress().instance_begin);
        FirstRecord first{};
        while ((first = first_record(logged(at))).size > 0 && first.sequence < since)
            at += first.size;
        expect(comparable(got) == (first.size > 0 ? comparable(logged(at), record::kDaemonFlags) : std::string()),
               "replayed events are those that were sent");
    }

private:
    [[nodiscard]] std::string_view logged(std::uint64_t from)
    {
        return std::string_view(sent_).substr(0, log().end()).substr(from);
    }
    [[nodiscard]] std::string_view input() { return std::string_view(sent_).substr(0, end_of_input()); }
    [[nodiscard]] std::string_view not_published() { return std::string_view(sent_).substr(progress().record_bytes); }

    void check_batch(std::span<const std::byte> batch)
    {
        const std::string_view got = as_text(batch);
        expect(!got.empty() &&
                   comparable(got) == comparable(not_published().substr(0, got.size()), record::kDaemonFlags),
               "a batch is what was sent");
        expect(size_of_complete_records(got) == got.size(), "a batch consists of complete records");
        expect(size_of_complete_records(input().substr(progress().record_bytes)) == got.size(),
               "a batch has all complete records");
        set_batch(batch);
    }

    void check_none(Status status)
    {
        const FirstRecord first = first_record(finished() ? input().substr(progress().record_bytes) : not_published());
        expect(first.size == 0 && !first.malformed, "a complete record is read");
        expect(status == (finished() ? Status::input_ended : Status::drained),
               "only a finished reader reports the end");
    }

    void discard(std::uint64_t old_end) override
    {
        const std::size_t end = log().end();
        const std::string_view before = std::string_view(sent_).substr(0, old_end).substr(progress().record_bytes);
        expect(end == progress().record_bytes + size_of_complete_records(before), "complete records are not discarded");
        sent_.erase(end, old_end - end);
    }

    std::string& sent_;
};

/// The daemon of a device without framing: each read returns one payload.
class RawDaemon final : public Daemon {
public:
    RawDaemon(const Stream& stream, Checkpoint& checkpoint, std::string& memory)
        : Daemon(kRaw, stream, checkpoint), sent_(memory)
    {
        sent_.clear();
    }

    void sent(std::string_view bytes) override { sent_ += bytes; }

    bool read() override
    {
        const Reader::Batch batch = reader().read();
        if (progress().published == count() && !finished() && ends_.back() < sent_.size())
            ends_.push_back(std::min<std::size_t>(sent_.size(), ends_.back() + DRVBUS_PAYLOAD_MAX));
        const bool has_events = progress().published < count();
        expect(batch.status == (has_events   ? Status::events
                                : finished() ? Status::input_ended
                                             : Status::drained),
               "payloads that were sent are read");
        expect(check_sequence(batch.records, progress().published) == count(), "a batch has all payloads");
        set_batch(batch.records);
        return has_events;
    }

    void read_at(std::uint64_t since) override
    {
        set_batch({});
        const std::span<const std::byte> all = reader().read_at(0);
        const std::size_t first = all.empty() ? count() : record::parse_record(all).event.sequence - 1;
        expect(check_sequence(all, first) == count(), "replayed events reach the last one");
        const std::size_t wanted = std::max<std::size_t>(first, since == 0 ? 0 : since - 1);
        const std::span<const std::byte> some = reader().read_at(since);
        expect(some.empty() == (wanted >= count()), "only events that were sent are replayed");
        if (!some.empty())
            expect(check_sequence(some, wanted) == count(), "replayed events are those that were sent");
    }

private:
    [[nodiscard]] std::size_t count() const { return ends_.size() - 1; }

    [[nodiscard]] std::string_view payload(std::size_t index) const
    {
        expect(index < count(), "a payload that is read was sent");
        return std::string_view(sent_).substr(0, ends_[index + 1]).substr(ends_[index]);
    }

    /// The records have the payloads from the one at `index` on. @returns the index after the last one
    [[nodiscard]] std::size_t check_sequence(std::span<const std::byte> records, std::size_t index) const
    {
        while (!records.empty()) {
            const record::Record record = record::parse_record(records);
            expect(record.state == record::Record::State::complete, "a batch consists of complete records");
            expect(record.event.sequence == index + 1, "sequences have no gaps");
            expect(as_text(record.event.payload) == payload(index), "a payload is what was sent");
            records = records.subspan(record.size);
            ++index;
        }
        return index;
    }

    void discard(std::uint64_t old_end) override { expect(log().end() == old_end, "a payload is never incomplete"); }

    std::string& sent_;
    std::vector<std::size_t> ends_{0};  // of the payloads in sent_
};

enum class Command : std::uint8_t {
    record,
    bytes,
    send,
    read,
    publish,
    restart,
    reopen,
    finish,
    read_at,
    last = read_at
};

/// @returns a size, in most cases a small one: large ones are slow
std::uint32_t size(Input& input, std::uint32_t large)
{
    constexpr std::uint32_t kSmall = 224;
    const std::uint32_t number = input.number<std::uint8_t>();
    return number < kSmall ? number : (number - kSmall + 1) * large;
}

/// What the device is going to send.
class Device {
public:
    Device(const Stream& stream, const Framing& framing, std::string& memory)
        : stream_(stream), framing_(framing), pending_(memory)
    {
        pending_.clear();
    }

    void append(Input& input)
    {
        sequence_ += static_cast<std::uint64_t>(std::int64_t{input.number<std::int8_t>()});
        const std::uint32_t length = size(input, DRVBUS_PAYLOAD_MAX / 32);
        if (total_ + length < kMaximumBytes) {
            if (framing_.kind == Framing::Kind::lines || framing_.kind == Framing::Kind::frames)
                // The model takes long for a long payload.
                append_framed(pending_, framing_, std::string(length % (4 * kLimit), static_cast<char>(sequence_)));
            else
                append_record(pending_, sequence_, length);
        }
        ++sequence_;
        total_ += length + sizeof(drvbus_record);
    }

    void append(std::string_view bytes) { pending_ += bytes; }

    /// Sends up to `maximum` bytes.
    void send(Daemon& daemon, std::size_t maximum)
    {
        const std::string_view bytes = std::string_view(pending_).substr(sent_, maximum);
        if (bytes.empty())
            return;
        stream_.send(bytes);
        daemon.sent(bytes);
        sent_ += bytes.size();
    }

private:
    const Stream& stream_;
    const Framing& framing_;
    std::string& pending_;
    std::size_t sent_ = 0;
    std::uint64_t sequence_ = 1;
    std::size_t total_ = 0;
};

void execute(Command command, Input& input, Device& device, Daemon& daemon)
{
    switch (command) {
    case Command::record:
        return device.append(input);
    case Command::bytes:
        return device.append(input.text(input.number<std::uint8_t>()));
    case Command::send:
        return device.send(daemon, size(input, 8192));
    case Command::read:
        return void(daemon.read());
    case Command::publish:
        return daemon.publish(input.number<std::uint8_t>());
    case Command::restart:
        return daemon.restart();
    case Command::reopen:
        return daemon.reopen();
    case Command::finish:
        return daemon.finish();
    case Command::read_at:
        return daemon.read_at(input.number<std::uint8_t>());
    }
}

void execute_all(Input& input, Device& device, Daemon& daemon)
{
    while (!input.done()) {
        const auto command = input.up_to(static_cast<std::uint8_t>(Command::last));
        execute(static_cast<Command>(command), input, device, daemon);
        daemon.check_log();
    }
    // The device sends all that is pending.
    daemon.reopen();
    device.send(daemon, kMaximumBytes);
    while (daemon.read())
        daemon.publish(SIZE_MAX);
    daemon.read_at(0);
    daemon.check_log();
}

}  // namespace

void run(Input input)
{
    static const Stream stream;
    static UnusedCheckpoint unused;
    static std::array<std::string, 2> memory;

    stream.drain();
    const std::size_t index = input.up_to(static_cast<std::uint8_t>(all_framings().size() - 1));
    const Framing& framing = all_framings().at(index);
    Checkpoint& checkpoint = unused.of(index);
    Device device(stream, framing, memory[0]);
    if (framing.kind == Framing::Kind::records) {
        RecordDaemon daemon(stream, checkpoint, memory[1]);
        execute_all(input, device, daemon);
    } else if (framing.kind == Framing::Kind::raw) {
        RawDaemon daemon(stream, checkpoint, memory[1]);
        execute_all(input, device, daemon);
    } else {
        FramedDaemon daemon(framing, stream, checkpoint, memory[1]);
        execute_all(input, device, daemon);
    }
}

}  // namespace drvbus::fuzz

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A daemon whose input is divided by delimiters or into frames, and a slow model of that division.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stream_daemon.hpp"

namespace drvbus::fuzz {

constexpr std::uint32_t kLimit = 100;  // bytes; small, so that many records exceed it

constexpr std::array<Framing (*)(), 6> kFramings{
    [] { return Framing{.kind = Framing::Kind::lines, .max_length = kLimit}; },
    [] { return Framing{.kind = Framing::Kind::lines, .max_length = kLimit, .end = record::Marker::of("\r\n")}; },
    [] { return Framing{.kind = Framing::Kind::lines, .max_length = kLimit, .end = record::Marker::of("aab")}; },
    [] {
        return Framing{.kind = Framing::Kind::lines,
                       .max_length = kLimit,
                       .start = record::Marker::of("\x02"),
                       .end = record::Marker::of("\x03")};
    },
    [] {
        return Framing{
            .kind = Framing::Kind::frames,
            .max_length = kLimit,
            .start = record::Marker::of("aab"),
            .frame = {
                .length_at = 3, .length_size = 1, .added = 5, .checksum = record::checksum_called("sum8").value()}};
    },
    [] {
        return Framing{.kind = Framing::Kind::frames,
                       .max_length = kLimit,
                       .start = record::Marker::of("<"),
                       .end = record::Marker::of(">"),
                       .frame = {.added = 5, .checksum_from = 1, .checksum = record::checksum_called("sum8").value()}};
    },
};

inline std::string text_of(const record::Marker& marker)
{
    return std::string(as_text(marker.view()));
}

inline char sum_of(std::string_view bytes)
{
    unsigned sum = 0;
    for (const char byte : bytes)
        sum += static_cast<unsigned char>(byte);
    return static_cast<char>(sum);
}

/// Appends a record with this payload, as a device sends it. In a frame of a fixed size, the payload has two bytes.
inline void append_framed(std::string& bytes, const Framing& framing, std::string payload)
{
    if (framing.kind == Framing::Kind::lines) {
        bytes += text_of(framing.start) + payload + (framing.end.empty() ? "\n" : text_of(framing.end));
        return;
    }
    payload.resize(framing.frame.length_size == 0 ? 2 : payload.size() % kLimit);
    std::string frame = text_of(framing.start);
    if (framing.frame.length_size > 0)
        frame += static_cast<char>(payload.size());
    frame += payload;
    bytes += frame + sum_of(std::string_view(frame).substr(framing.frame.checksum_from)) + text_of(framing.end);
}

/// Divides input into events one byte at a time.
class FramingModel {
public:
    struct Event {
        std::string payload;
        bool cut;
    };

    explicit FramingModel(const Framing& framing) : framing_(framing) {}

    /// Takes the next event, or the next byte that is skipped.
    /// @param input all bytes of the device so far
    /// @param end no further bytes will follow
    /// @returns false if more bytes are needed
    bool step(std::string_view input, bool end)
    {
        const std::string_view rest = input.substr(position);
        if (rest.empty())
            return false;
        if (framing_.kind == Framing::Kind::frames)
            return step_frame(rest, end);
        return framing_.start.empty() ? step_line(rest, end) : step_delimited(rest, end);
    }

    std::size_t position = 0;
    std::vector<Event> events;
    std::uint64_t errors = 0;
    bool skipping = false;

private:
    void begin_to_skip()
    {
        errors += skipping ? 0 : 1;
        skipping = true;
    }

    bool take(std::string_view payload, std::size_t size, bool cut)
    {
        events.push_back({std::string(payload), cut});
        position += size;
        skipping = false;
        if (cut)
            begin_to_skip();
        return true;
    }

    bool skip_byte()
    {
        begin_to_skip();
        ++position;
        return true;
    }

    /// @param limit of the payload
    bool take_up_to(std::string_view rest, std::string_view end_of_record, std::size_t limit)
    {
        const std::size_t at = rest.find(end_of_record);
        if (at == std::string_view::npos || at > limit)
            return false;
        return take(rest.substr(0, at), at + end_of_record.size(), false);
    }

    bool step_line(std::string_view rest, bool end)
    {
        const bool default_end = framing_.end.empty();
        const std::string delimiter = default_end ? "\n" : text_of(framing_.end);
        if (skipping) {
            if (rest.starts_with(delimiter)) {
                position += delimiter.size();
                skipping = false;
                return true;
            }
            if (!end && delimiter.starts_with(rest))
                return false;
            return skip_byte();
        }
        const std::size_t newline = rest.find('\n');
        if (default_end && newline != std::string_view::npos && newline > 0 && newline <= kLimit + 1 &&
            rest[newline - 1] == '\r')
            return take(rest.substr(0, newline - 1), newline + 1, false);
        if (take_up_to(rest, delimiter, kLimit))
            return true;
        const std::size_t enough = kLimit + delimiter.size() + (default_end ? 1 : 0);
        const bool has_end = default_end && newline != std::string_view::npos;
        if (rest.size() > kLimit && (rest.size() >= enough || end || has_end))
            return take(rest.substr(0, kLimit), kLimit, true);
        return end && take(rest, rest.size(), false);
    }

    /// @returns whether the rest may begin with the start; no value: more bytes are needed
    [[nodiscard]] std::optional<bool> has_start(std::string_view rest, bool end) const
    {
        const std::string start = text_of(framing_.start);
        if (rest.starts_with(start))
            return true;
        if (!end && start.starts_with(rest))
            return std::nullopt;
        return false;
    }

    bool step_delimited(std::string_view rest, bool end)
    {
        const std::optional<bool> starts = has_start(rest, end);
        if (!starts)
            return false;
        if (!*starts)
            return skip_byte();
        const std::size_t start = framing_.start.size;
        const std::string_view body = rest.substr(start);
        const std::size_t at = body.find(text_of(framing_.end));
        if (at <= kLimit)
            return take(body.substr(0, at), start + at + framing_.end.size, false);
        if (body.size() >= kLimit + framing_.end.size)
            return take(body.substr(0, kLimit), start + kLimit, true);
        return end && skip_byte();
    }

    bool step_frame(std::string_view rest, bool end)
    {
        const std::optional<bool> starts = has_start(rest, end);
        if (!starts)
            return false;
        const std::size_t start = framing_.start.size;
        const std::size_t header = start + framing_.frame.length_size;
        if (!*starts)
            return skip_byte();
        if (rest.size() < header)
            return end && skip_byte();
        const std::size_t length = framing_.frame.length_size == 0 ? 0 : static_cast<unsigned char>(rest[start]);
        const std::size_t size = length + static_cast<std::size_t>(framing_.frame.added);
        if (size > kLimit)
            return skip_byte();
        if (rest.size() < size)
            return end && skip_byte();
        const std::string_view content = rest.substr(0, size - framing_.end.size);
        const std::string_view covered = content.substr(0, content.size() - 1);
        if (rest.substr(content.size(), framing_.end.size) != text_of(framing_.end) ||
            content.back() != sum_of(covered.substr(framing_.frame.checksum_from)))
            return skip_byte();
        return take(covered.substr(start), size, false);
    }

    const Framing& framing_;
};

/// The daemon of a device whose input is divided by delimiters or into frames.
class FramedDaemon final : public Daemon {
public:
    FramedDaemon(const Framing& framing, const Stream& stream, Checkpoint& checkpoint, std::string& memory)
        : Daemon(framing, stream, checkpoint), model_(framing), sent_(memory)
    {
        sent_.clear();
    }

    void sent(std::string_view bytes) override { sent_ += bytes; }

    bool read() override
    {
        for (;;) {
            const Reader::Batch batch = reader().read();
            follow();
            if (batch.status == Status::events && batch.records.empty())
                continue;  // the limit of skipped input for one call
            expect(batch.status == Status::events || !model_.step(finished() ? received() : sent_, finished()),
                   "a complete record is read, and bytes that are part of no record are skipped");
            expect(batch.status != Status::events || progress().published < model_.events.size(),
                   "a batch has events that are not published");
            expect(check_sequence(batch.records, progress().published) ==
                       (batch.records.empty() ? progress().published : model_.events.size()),
                   "a batch has all events");
            set_batch(batch.records);
            return batch.status == Status::events;
        }
    }

    void read_at(std::uint64_t since) override
    {
        set_batch({});
        const std::span<const std::byte> some = reader().read_at(since);
        if (!some.empty())
            expect(check_sequence(some, record::parse_record(some).event.sequence - 1) == model_.events.size(),
                   "replayed events reach the last one");
    }

private:
    [[nodiscard]] std::string_view received() const { return std::string_view(sent_).substr(0, end_of_staging()); }

    /// Moves the model to the position of the daemon, and compares the two.
    void follow()
    {
        const checkpoint::FramingProgress& progress = log().framing_progress();
        while (model_.position < progress.staging_begin)
            expect(model_.step(received(), finished()), "the daemon does not frame an incomplete record");
        expect(model_.position == progress.staging_begin, "the daemon frames what the model frames");
        expect(model_.events.size() == progress.sequence.next - 1, "the daemon finds all events");
        expect(model_.errors == progress.framing_errors, "the daemon counts what it skips");
        expect(model_.skipping == (progress.skipping != 0), "the daemon knows whether it skips");
    }

    /// The records have the payloads from the one at `index` on. @returns the index after the last one
    [[nodiscard]] std::size_t check_sequence(std::span<const std::byte> records, std::size_t index) const
    {
        while (!records.empty()) {
            const record::Record record = record::parse_record(records);
            expect(record.state == record::Record::State::complete, "a batch consists of complete records");
            expect(record.event.sequence == index + 1 && index < model_.events.size(), "sequences have no gaps");
            const FramingModel::Event& event = model_.events[index];
            expect(as_text(record.event.payload) == event.payload, "a payload is what was sent");
            expect(((record.event.flags & record::kCut) != 0) == event.cut, "exactly a cut event is marked as cut");
            records = records.subspan(record.size);
            ++index;
        }
        return index;
    }

    void discard(std::uint64_t /*old_end*/) override
    {
        model_.position = log().framing_progress().staging_begin;
        model_.skipping = false;
        follow();
    }

    FramingModel model_;
    std::string& sent_;
};

}  // namespace drvbus::fuzz

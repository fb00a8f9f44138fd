// SPDX-License-Identifier: LGPL-2.1-or-later
//
// An input is damage to the file of a checkpoint: a byte of options, then patches, each with its offset, its size and
// its bytes. The daemon either refuses the file or can use it without a memory error.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <sys/mman.h>

#include "base/errno.hpp"
#include "checkpoint/checkpoint.hpp"
#include "input.hpp"
#include "reader/reader.hpp"
#include "record/record.hpp"
#include "records.hpp"

namespace drvbus::fuzz {

using checkpoint::Checkpoint;
using checkpoint::Progress;
using checkpoint::ReplayLog;
using reader::Reader;
using record::Framing;

namespace {

enum Options : std::uint8_t { kRaw = 1, kHasLog = 2, kPublished = 4, kAll = 7 };

record::ChannelDescription description(Framing framing)
{
    record::ChannelDescription result;
    result.name = "fuzz";
    result.node = "/dev/fuzz";
    result.framing = framing;
    result.format = "u32 value";
    result.event_names = {{1, "one"}, {2, "two"}};
    return result;
}

void commit(Checkpoint& checkpoint, Reader& reader, std::span<const std::byte> records)
{
    Progress next = checkpoint.progress();
    while (!records.empty()) {
        const record::Record record = record::parse_record(records);
        expect(record.state == record::Record::State::complete, "a batch consists of complete records");
        if (record.event.sequence < next.next_sequence)
            next.instance_begin = next.record_bytes;
        next.next_sequence = record.event.sequence + 1;
        next.record_bytes += record.size;
        records = records.subspan(record.size);
    }
    checkpoint.commit(next);
    reader.commit(next);
}

/// A checkpoint as a daemon leaves it.
Checkpoint intact(std::uint8_t options, const Stream& stream)
{
    const Framing framing{.kind = (options & kRaw) != 0 ? Framing::Kind::raw : Framing::Kind::records};
    Checkpoint checkpoint = Checkpoint::create(description(framing), 1);
    if ((options & kHasLog) == 0)
        return checkpoint;
    const auto reader = make_input_reader(reader::make_read_source(stream.fd(), framing), framing, {}, checkpoint);
    for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {
        std::string bytes;
        append_record(bytes, sequence, 8);
        stream.send(bytes);
        const Reader::Batch batch = reader->read();
        if (sequence < 3 || (options & kPublished) != 0)
            commit(checkpoint, *reader, batch.records);
    }
    return checkpoint;
}

/// The file of a checkpoint. One object serves all inputs: mapping it for each would take most of the time.
class File {
public:
    File() : file_(memfd_create("checkpoint", MFD_CLOEXEC))
    {
        for (std::uint8_t options = 0; options <= kAll; ++options) {
            const Stream stream;
            const Checkpoint checkpoint = intact(options, stream);
            std::string& image = images_.at(options);
            image.resize(
                static_cast<std::size_t>(check(static_cast<int>(lseek(checkpoint.fd(), 0, SEEK_END)), "lseek")));
            check(static_cast<int>(pread(checkpoint.fd(), image.data(), image.size(), 0)), "pread");
        }
        check(ftruncate(file_.get(), static_cast<off_t>(size())), "ftruncate");
        memory_ = Mapping(file_.get(), 0, size());
    }

    [[nodiscard]] int fd() const { return file_.get(); }
    [[nodiscard]] std::size_t size() const { return images_[0].size(); }

    /// Undoes all damage: the file is that of an intact checkpoint with these options.
    void restore(std::uint8_t options)
    {
        constexpr std::size_t kPage = 4096;
        const std::string& image = images_.at(options & kAll);
        for (std::size_t at = 0; at < size(); at += kPage) {
            if (std::memcmp(memory_.data() + at, image.data() + at, kPage) != 0)
                std::memcpy(memory_.data() + at, image.data() + at, kPage);
        }
    }

    void damage(Input& input)
    {
        while (!input.done()) {
            const std::size_t offset = input.number<std::uint32_t>() % size();
            const std::string_view patch = input.text(input.number<std::uint8_t>()).substr(0, size() - offset);
            std::ranges::copy(as_bytes(patch), memory_.data() + offset);
        }
    }

private:
    UniqueFd file_;
    std::array<std::string, kAll + 1> images_;
    Mapping memory_;
};

/// Records that a reader returns lie in the replay log.
void check_span(std::span<const std::byte> bytes)
{
    expect(bytes.size() <= ReplayLog::kCapacity, "the records fit in the replay log");
    if (bytes.empty())
        return;
    for (const volatile std::byte* const at : {&bytes.front(), &bytes.back()})
        static_cast<void>(*at);  // must be mapped
}

void read_all(Checkpoint& checkpoint, Reader& reader)
{
    // Each round consumes at least one record of the replay log.
    for (std::size_t round = 0;; ++round) {
        expect(round <= ReplayLog::kCapacity / sizeof(drvbus_record), "reading terminates");
        const Reader::Batch batch = reader.read();
        if (batch.status != Reader::Status::events)
            return;
        check_span(batch.records);
        expect(!batch.records.empty(), "a batch is not empty");
        commit(checkpoint, reader, batch.records);
    }
}

/// Does all that a channel does with a checkpoint.
void use(Checkpoint& checkpoint, Framing framing, const Stream& stream)
{
    const auto reader = make_input_reader(reader::make_read_source(stream.fd(), framing), framing, {}, checkpoint);
    std::string bytes;
    append_record(bytes, checkpoint.progress().next_sequence, 100);
    stream.send(bytes);
    for (const std::uint64_t since : {std::uint64_t{0}, checkpoint.progress().next_sequence, UINT64_MAX})
        check_span(reader->read_at(since));
    try {
        read_all(checkpoint, *reader);
    } catch (const std::runtime_error&) {
        // The staging area holds, or the device sends, bytes that are not a record. The daemon opens the device again.
        checkpoint.discard_staged();
        const auto again = make_input_reader(reader::make_read_source(stream.fd(), framing), framing, {}, checkpoint);
        try {
            read_all(checkpoint, *again);
        } catch (const std::runtime_error&) {
            expect(framing.kind == Framing::Kind::records || checkpoint.progress().next_sequence == UINT64_MAX,
                   "only the device can send bytes that are not a record");
        }
    }
    check_span(reader->read_at(0));
}

/// Loads the file as the next process does. @returns nothing when it refuses the file
std::optional<Checkpoint> adopt(const File& file)
{
    UniqueFd copy(check(dup(file.fd()), "dup"));
    try {
        return Checkpoint::adopt(std::move(copy));
    } catch (const std::runtime_error&) {
        return std::nullopt;
    }
}

}  // namespace

void run(Input input)
{
    static const Stream stream;
    static File file;
    stream.drain();
    file.restore(input.number<std::uint8_t>());
    file.damage(input);
    if (std::optional<Checkpoint> checkpoint = adopt(file)) {
        use(*checkpoint, checkpoint->description().framing, stream);
        const std::uint64_t most =
            std::max(checkpoint->progress().record_bytes, checkpoint->replay_log().framing_progress().sequence.next);
        expect(adopt(file).has_value() || most > Checkpoint::kMaxBytes,
               "a file that was adopted once is adopted again");
    }
}

}  // namespace drvbus::fuzz

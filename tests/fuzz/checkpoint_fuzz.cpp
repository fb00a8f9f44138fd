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

#include "checkpoint/checkpoint.hpp"
#include "input.hpp"
#include "reader/reader.hpp"
#include "record/record.hpp"
#include "records.hpp"

namespace drvbus::fuzz {

using device::Framing;
using device::Ledger;
using device::Log;
using device::Progress;
using device::Reader;

namespace {

enum Options : std::uint8_t { kRaw = 1, kHasLog = 2, kPublished = 4, kAll = 7 };

device::Description description(Framing framing)
{
    device::Description result;
    result.name = "fuzz";
    result.node = "/dev/fuzz";
    result.framing = framing;
    result.format = "u32 value";
    result.event_names = {{1, "one"}, {2, "two"}};
    return result;
}

void commit(Ledger& ledger, Reader& reader, std::span<const std::byte> records)
{
    Progress next = ledger.progress();
    while (!records.empty()) {
        const device::Record record = device::parse_record(records);
        expect(record.state == device::Record::State::whole, "a batch consists of complete records");
        if (record.event.sequence < next.next_sequence)
            next.instance_begin = next.bytes;
        next.next_sequence = record.event.sequence + 1;
        next.bytes += record.size;
        records = records.subspan(record.size);
    }
    ledger.commit(next);
    reader.commit(next);
}

/// A checkpoint as a daemon leaves it.
Ledger intact(std::uint8_t options, const Stream& stream)
{
    const Framing framing{.kind = (options & kRaw) != 0 ? Framing::Kind::raw : Framing::Kind::records};
    Ledger ledger = Ledger::create(description(framing), 1);
    if ((options & kHasLog) == 0)
        return ledger;
    const auto reader = make_stream_reader(device::make_read_source(stream.fd(), framing), framing, {}, ledger);
    for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {
        std::string bytes;
        append_record(bytes, sequence, 8);
        stream.send(bytes);
        const Reader::Batch batch = reader->read();
        if (sequence < 3 || (options & kPublished) != 0)
            commit(ledger, *reader, batch.records);
    }
    return ledger;
}

/// The file of a checkpoint. One object serves all inputs: mapping it for each would take most of the time.
class File {
public:
    File() : file_(memfd_create("ledger", MFD_CLOEXEC))
    {
        for (std::uint8_t options = 0; options <= kAll; ++options) {
            const Stream stream;
            const Ledger ledger = intact(options, stream);
            std::string& image = images_.at(options);
            image.resize(static_cast<std::size_t>(check(static_cast<int>(lseek(ledger.fd(), 0, SEEK_END)), "lseek")));
            check(static_cast<int>(pread(ledger.fd(), image.data(), image.size(), 0)), "pread");
        }
        check(ftruncate(file_.get(), static_cast<off_t>(size())), "ftruncate");
        memory_ = device::Mapping(file_.get(), 0, size());
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
    device::Mapping memory_;
};

/// Records that a reader returns lie in the replay log.
void check_span(std::span<const std::byte> bytes)
{
    expect(bytes.size() <= Log::kCapacity, "the records fit in the replay log");
    if (bytes.empty())
        return;
    for (const volatile std::byte* const at : {&bytes.front(), &bytes.back()})
        static_cast<void>(*at);  // must be mapped
}

void read_all(Ledger& ledger, Reader& reader)
{
    // Each round consumes at least one record of the replay log.
    for (std::size_t round = 0;; ++round) {
        expect(round <= Log::kCapacity / sizeof(drvbus_record), "reading terminates");
        const Reader::Batch batch = reader.read();
        if (batch.status != Reader::Status::events)
            return;
        check_span(batch.records);
        expect(!batch.records.empty(), "a batch is not empty");
        commit(ledger, reader, batch.records);
    }
}

/// Does all that a channel does with a checkpoint.
void use(Ledger& ledger, Framing framing, const Stream& stream)
{
    const auto reader = make_stream_reader(device::make_read_source(stream.fd(), framing), framing, {}, ledger);
    std::string bytes;
    append_record(bytes, ledger.progress().next_sequence, 100);
    stream.send(bytes);
    for (const std::uint64_t since : {std::uint64_t{0}, ledger.progress().next_sequence, UINT64_MAX})
        check_span(reader->read_at(since));
    try {
        read_all(ledger, *reader);
    } catch (const std::runtime_error&) {
        // The staging area holds, or the device sends, bytes that are not a record. The daemon opens the device again.
        ledger.discard_staged();
        const auto again = make_stream_reader(device::make_read_source(stream.fd(), framing), framing, {}, ledger);
        try {
            read_all(ledger, *again);
        } catch (const std::runtime_error&) {
            expect(framing.kind == Framing::Kind::records || ledger.progress().next_sequence == UINT64_MAX,
                   "only the device can send bytes that are not a record");
        }
    }
    check_span(reader->read_at(0));
}

/// Loads the file as the next process does. @returns nothing when it refuses the file
std::optional<Ledger> adopt(const File& file)
{
    UniqueFd copy(check(dup(file.fd()), "dup"));
    try {
        return Ledger::adopt(std::move(copy));
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
    if (std::optional<Ledger> ledger = adopt(file)) {
        use(*ledger, ledger->description().framing, stream);
        const std::uint64_t most = std::max(ledger->progress().bytes, ledger->log().taken().next_sequence);
        expect(adopt(file).has_value() || most > Ledger::kMostBytes, "a file that was adopted once is adopted again");
    }
}

}  // namespace drvbus::fuzz

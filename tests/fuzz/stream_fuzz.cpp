// SPDX-License-Identifier: LGPL-2.1-or-later
//
// An input is a byte that says of which framing the device is, then commands: what the device has, in which
// pieces it comes, and what the daemon does meanwhile. Whatever it is, the records that are published are those
// that one look at the whole would have found.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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
using Status = device::Reader::Status;

namespace {

// More than the log holds; less than a pipe does.
constexpr std::size_t kMostBytes = 640 * 1024;
constexpr std::uint64_t kInstance = 7;
constexpr unsigned kMostRestarts = 3;  // they take most of the time

constexpr Framing kRecords{.kind = Framing::Kind::records};
constexpr Framing kRaw{.kind = Framing::Kind::raw};

device::Description description(Framing framing)
{
    device::Description result;
    result.name = "fuzz";
    result.framing = framing;
    return result;
}

/// A ledger of which nothing has been used. Its file is one for all inputs.
class FreshLedger {
public:
    FreshLedger() : ledger_(Ledger::create(description(kRecords), kInstance))
    {
        (void)ledger_.log();
        read_into(images_[0], ledger_);
        Ledger raw = Ledger::create(description(kRaw), kInstance);
        (void)raw.log();
        read_into(images_[1], raw);
    }

    Ledger& of(std::uint8_t raw)
    {
        const Image& image = images_.at(raw);
        check(static_cast<int>(pwrite(ledger_.fd(), image.data(), image.size(), 0)), "pwrite");
        return ledger_;
    }

private:
    using Image = std::array<char, 8192>;  // of the header: it is longer, but for this channel no more is in use

    static void read_into(Image& image, const Ledger& ledger)
    {
        check(static_cast<int>(pread(ledger.fd(), image.data(), image.size(), 0)), "pread");
    }

    Ledger ledger_;
    std::array<Image, 2> images_{};
};

/// A daemon with one channel, as far as the device and the ledger are concerned.
class Daemon {
public:
    Daemon(Framing framing, const Stream& stream, Ledger& ledger)
        : framing_(framing), stream_(stream), ledger_(&ledger),
          reader_(make_stream_reader(device::make_read_source(stream.fd(), framing), framing, {}, ledger))
    {
    }
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    virtual ~Daemon() = default;

    /// The device has something new.
    virtual void sent(std::string_view bytes) = 0;
    /// Looks for news. @returns whether there were any
    virtual bool read() = 0;
    /// What is held from a sequence on.
    virtual void read_at(std::uint64_t since) = 0;

    /// So many records of what was read last are published.
    void publish(std::size_t most)
    {
        for (std::size_t count = 0; count < most && !batch_.empty(); ++count) {
            const device::Record record = device::parse_record(batch_);
            expect(record.state == device::Record::State::whole, "a batch is whole records");
            publish(record.event.sequence, record.size);
            batch_ = batch_.subspan(record.size);
        }
    }

    /// The process is killed, and another one goes on.
    void restart()
    {
        if (++restarts_ > kMostRestarts)
            return;
        const Progress before = progress();
        reader_.reset();
        next_ledger_ = Ledger::adopt(UniqueFd(check(dup(ledger_->fd()), "dup")));
        ledger_ = &*next_ledger_;
        expect(progress() == before, "a restart changes no progress");
        expect(ledger_->description().framing == framing_ && ledger_->description().name == "fuzz",
               "a restart changes no description");
        make_reader();
    }

    /// The device is closed and opened again, as after an error.
    void reopen()
    {
        const std::uint64_t end = read_up_to();
        ledger_->discard_staged();
        cut(end);
        make_reader();
    }

    void finish()
    {
        reader_->finish();
        finished_ = true;
    }

    void check_log()
    {
        const Log& log = ledger_->log();
        expect(log.begin() <= progress().bytes && progress().bytes <= log.end(), "what is not published is held");
        expect(log.end() - log.begin() <= Log::kCapacity, "the log is no larger than it is");
        expect(log.begin() == 0 || Log::kCapacity - (log.end() - log.begin()) < 3 * kLargestRecord,
               "what is published is held as long as there is room");
    }

protected:
    [[nodiscard]] const Progress& progress() const { return ledger_->progress(); }
    [[nodiscard]] Reader& reader() { return *reader_; }
    [[nodiscard]] Log& log() { return ledger_->log(); }
    /// Offset in the log that what came last would have if it were a record.
    [[nodiscard]] std::uint64_t read_up_to() { return log().end() + (ledger_->stage().end() - log().taken().stage); }
    [[nodiscard]] bool finished() const { return finished_; }

    void take(std::span<const std::byte> batch) { batch_ = batch; }

    /// What had come ended at `old_end` before what is no record was cut off.
    virtual void cut(std::uint64_t old_end) = 0;

private:
    void make_reader()
    {
        batch_ = {};
        finished_ = false;
        reader_ = make_stream_reader(device::make_read_source(stream_.fd(), framing_), framing_, {}, *ledger_);
    }

    /// As a channel does.
    void publish(std::uint64_t sequence, std::size_t size)
    {
        Progress next = progress();
        if (sequence < next.next_sequence) {
            expect(framing_ == kRecords, "the daemon's own sequence never goes back");
            ++next.instance;
            next.instance_begin = next.bytes;
        }
        next.next_sequence = sequence + 1;
        next.bytes += size;
        ++next.published;
        ledger_->commit(next);
        reader_->commit(next);
        expect(progress() == next, "a commit is taken");
    }

    Framing framing_;
    const Stream& stream_;
    Ledger* ledger_;
    std::optional<Ledger> next_ledger_;
    std::unique_ptr<Reader> reader_;
    std::span<const std::byte> batch_;
    unsigned restarts_ = 0;
    bool finished_ = false;
};

/// The device sends records: offsets in its stream are those of the log.
class RecordDaemon final : public Daemon {
public:
    RecordDaemon(const Stream& stream, Ledger& ledger, std::string& memory)
        : Daemon(kRecords, stream, ledger), sent_(memory)
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
            expect(front_of(not_published()).malformed, "what is taken for no record is none");
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
        take({});
        const std::string_view got = as_text(reader().read_at(since));
        std::size_t at = std::max(log().begin(), progress().instance_begin);
        Front front{};
        while ((front = front_of(held(at))).size > 0 && front.sequence < since)
            at += front.size;
        expect(got == (front.size > 0 ? held(at) : std::string_view()), "the past is what was sent");
    }

private:
    [[nodiscard]] std::string_view held(std::uint64_t from)
    {
        return std::string_view(sent_).substr(0, log().end()).substr(from);
    }
    [[nodiscard]] std::string_view came() { return std::string_view(sent_).substr(0, read_up_to()); }
    [[nodiscard]] std::string_view not_published() { return std::string_view(sent_).substr(progress().bytes); }

    void check_batch(std::span<const std::byte> batch)
    {
        const std::string_view got = as_text(batch);
        expect(!got.empty() && got == not_published().substr(0, got.size()), "what is read is what was sent");
        expect(whole_records(got) == got.size(), "what is read is whole records");
        expect(whole_records(came().substr(progress().bytes)) == got.size(), "no record is left behind");
        take(batch);
    }

    void check_none(Status status)
    {
        const Front front = front_of(finished() ? came().substr(progress().bytes) : not_published());
        expect(front.size == 0 && !front.malformed, "a whole record is taken");
        expect(status == (finished() ? Status::end : Status::empty), "it ends when it is told to");
    }

    void cut(std::uint64_t old_end) override
    {
        const std::size_t end = log().end();
        const std::string_view before = std::string_view(sent_).substr(0, old_end).substr(progress().bytes);
        expect(end == progress().bytes + whole_records(before), "no more is cut off than has to be");
        sent_.erase(end, old_end - end);
    }

    std::string& sent_;
};

/// What each read gives is one payload.
class RawDaemon final : public Daemon {
public:
    RawDaemon(const Stream& stream, Ledger& ledger, std::string& memory) : Daemon(kRaw, stream, ledger), sent_(memory)
    {
        sent_.clear();
    }

    void sent(std::string_view bytes) override { sent_ += bytes; }

    bool read() override
    {
        const Reader::Batch batch = reader().read();
        if (progress().published == count() && !finished() && ends_.back() < sent_.size())
            ends_.push_back(std::min<std::size_t>(sent_.size(), ends_.back() + DRVBUS_PAYLOAD_MAX));
        const bool news = progress().published < count();
        expect(batch.status == (news         ? Status::events
                                : finished() ? Status::end
                                             : Status::empty),
               "what was sent is there");
        expect(check_row(batch.records, progress().published) == count(), "nothing is left behind");
        take(batch.records);
        return news;
    }

    void read_at(std::uint64_t since) override
    {
        take({});
        const std::span<const std::byte> all = reader().read_at(0);
        const std::size_t first = all.empty() ? count() : device::parse_record(all).event.sequence - 1;
        expect(check_row(all, first) == count(), "the past goes up to now");
        const std::size_t wanted = std::max<std::size_t>(first, since == 0 ? 0 : since - 1);
        const std::span<const std::byte> some = reader().read_at(since);
        expect(some.empty() == (wanted >= count()), "the past is there, and no future");
        if (!some.empty())
            expect(check_row(some, wanted) == count(), "the past is what was sent");
    }

private:
    [[nodiscard]] std::size_t count() const { return ends_.size() - 1; }

    [[nodiscard]] std::string_view payload(std::size_t index) const
    {
        expect(index < count(), "what is read was sent");
        return std::string_view(sent_).substr(0, ends_[index + 1]).substr(ends_[index]);
    }

    /// The records carry the payloads from the one at `index` on. @returns the index behind the last
    [[nodiscard]] std::size_t check_row(std::span<const std::byte> records, std::size_t index) const
    {
        while (!records.empty()) {
            const device::Record record = device::parse_record(records);
            expect(record.state == device::Record::State::whole, "what is read is whole records");
            expect(record.event.sequence == index + 1, "events are numbered in one row");
            expect(as_text(record.event.payload) == payload(index), "what is read is what was sent");
            records = records.subspan(record.size);
            ++index;
        }
        return index;
    }

    void cut(std::uint64_t old_end) override { expect(log().end() == old_end, "payloads are whole at once"); }

    std::string& sent_;
    std::vector<std::size_t> ends_{0};  // of the payloads in it
};

enum class Command : std::uint8_t {
    record,
    bytes,
    pass,
    read,
    publish,
    restart,
    reopen,
    finish,
    read_at,
    last = read_at
};

/// Most are small: large ones cost time, and say little more than that they are large.
std::uint32_t size(Input& input, std::uint32_t large)
{
    constexpr std::uint32_t kSmall = 224;
    const std::uint32_t number = input.number<std::uint8_t>();
    return number < kSmall ? number : (number - kSmall + 1) * large;
}

/// What is on its way from the device.
class Device {
public:
    Device(const Stream& stream, std::string& memory) : stream_(stream), waiting_(memory) { waiting_.clear(); }

    void append(Input& input)
    {
        sequence_ += static_cast<std::uint64_t>(std::int64_t{input.number<std::int8_t>()});
        const std::uint32_t length = size(input, DRVBUS_PAYLOAD_MAX / 32);
        if (total_ + length < kMostBytes)
            append_record(waiting_, sequence_, length);
        ++sequence_;
        total_ += length + sizeof(drvbus_record);
    }

    void append(std::string_view bytes) { waiting_ += bytes; }

    void pass(Daemon& daemon, std::size_t most)
    {
        const std::string_view piece = std::string_view(waiting_).substr(passed_, most);
        if (piece.empty())
            return;
        stream_.send(piece);
        daemon.sent(piece);
        passed_ += piece.size();
    }

private:
    const Stream& stream_;
    std::string& waiting_;
    std::size_t passed_ = 0;
    std::uint64_t sequence_ = 1;
    std::size_t total_ = 0;
};

void obey(Command command, Input& input, Device& device, Daemon& daemon)
{
    switch (command) {
    case Command::record:
        return device.append(input);
    case Command::bytes:
        return device.append(input.text(input.number<std::uint8_t>()));
    case Command::pass:
        return device.pass(daemon, size(input, 8192));
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

void obey_all(Input& input, Device& device, Daemon& daemon)
{
    while (!input.done()) {
        const auto command = input.up_to(static_cast<std::uint8_t>(Command::last));
        obey(static_cast<Command>(command), input, device, daemon);
        daemon.check_log();
    }
    // In the end everything comes.
    daemon.reopen();
    device.pass(daemon, kMostBytes);
    while (daemon.read())
        daemon.publish(SIZE_MAX);
    daemon.read_at(0);
    daemon.check_log();
}

}  // namespace

void run(Input input)
{
    static const Stream stream;
    static FreshLedger fresh;
    static std::array<std::string, 2> memory;

    stream.drain();
    const auto raw = input.up_to<std::uint8_t>(1);
    Ledger& ledger = fresh.of(raw);
    Device device(stream, memory[0]);
    if (raw == 0) {
        RecordDaemon daemon(stream, ledger, memory[1]);
        obey_all(input, device, daemon);
    } else {
        RawDaemon daemon(stream, ledger, memory[1]);
        obey_all(input, device, daemon);
    }
}

}  // namespace drvbus::fuzz

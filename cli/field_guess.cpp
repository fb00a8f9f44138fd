// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/field_guess.hpp"

#include <cstring>
#include <ctime>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/input.h>

namespace drvbus::cli {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kHour = 3600 * kSecond;
constexpr std::uint64_t kDay = 24 * kHour;
// So many in a row that count are hardly there by chance.
constexpr std::size_t kConvincing = 4;
// Beyond it what is not understood is one field, not one for each number: a format has 128 at most.
constexpr std::size_t kFewBytes = 64;

std::uint64_t now_of(clockid_t clock)
{
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * kSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

/// Whether `time` is not long before `now`, and no more than a moment behind it.
bool is_near(std::uint64_t time, std::uint64_t now, std::uint64_t before)
{
    return time >= kSecond && time <= now + kSecond && time + before >= now;
}

template <typename Fits>
bool all_fit(const Records& records, Fits fits)
{
    for (std::size_t record = 0; record < records.count(); ++record) {
        if (!fits(record))
            return false;
    }
    return records.count() > 0;
}

/// Goes over a record from its front to its end, and says what there is.
class Guess {
public:
    Guess(const Records& records, const Clocks& now) : records_(records), now_(now) {}

    FieldGuess make()
    {
        while (at_ < records_.size()) {
            if (!known())
                unknown();
        }
        flush();
        return {fmt::format("{}", fmt::join(fields_, "; ")), settings_};
    }

private:
    [[nodiscard]] bool has_room(std::size_t width) const { return at_ % width == 0 && records_.size() - at_ >= width; }

    bool known()
    {
        return (has_room(8) && (nanoseconds() || counter(8))) || (has_room(4) && (counter(4) || seconds()));
    }

    bool counter(std::size_t width)
    {
        if (records_.count() < kConvincing || !records_.counts(at_, width))
            return false;
        add("counter", width, "sequence = \"{}\"");
        return true;
    }

    bool nanoseconds()
    {
        const auto near = [this](std::uint64_t now, std::uint64_t before) {
            return all_fit(records_,
                           [&](std::size_t record) { return is_near(records_.u64(record, at_), now, before); });
        };
        if (near(now_.monotonic, kHour))
            add("time_ns", 8, "time = \"{}\"");
        else if (near(now_.realtime, kDay))
            add("time_ns", 8, "time = \"{}\"\nclock = \"realtime\"");
        else
            return false;
        return true;
    }

    /// Since 1970: those since boot are small numbers, which may be anything.
    bool seconds()
    {
        const std::size_t width =
            has_room(8) &&
                    all_fit(records_, [this](std::size_t record) { return records_.u64(record, at_) >> 32 == 0; })
                ? 8
                : 4;
        if (!all_fit(records_, [this](std::size_t record) {
                return is_near(records_.u32(record, at_) * kSecond, now_.realtime, kDay);
            }))
            return false;
        add("time_s", width, "time = {{ s = \"{}\" }}\nclock = \"realtime\"");
        return true;
    }

    /// The first one of its kind has the name, and the setting.
    void add(const std::string& kind, std::size_t width, fmt::string_view setting)
    {
        flush();
        const bool first = (kind == "counter" ? !has_counter_ : !has_time_);
        const std::string name = first ? kind : fmt::format("{}_{}", kind, at_);
        fields_.push_back(fmt::format("u{} {}", 8 * width, name));
        if (first)
            settings_.push_back(fmt::format(fmt::runtime(setting), name));
        (kind == "counter" ? has_counter_ : has_time_) = true;
        at_ += width;
        unknown_from_ = at_;
    }

    void unknown()
    {
        if (records_.size() > kFewBytes) {
            ++at_;
            return;
        }
        const std::size_t width = has_room(4) ? 4 : has_room(2) ? 2 : 1;
        fields_.push_back(fmt::format("u{} field_{}", 8 * width, at_));
        at_ += width;
        unknown_from_ = at_;
    }

    /// What was passed over becomes a field.
    void flush()
    {
        if (at_ > unknown_from_)
            fields_.push_back(fmt::format("u8 bytes_{}[{}]", unknown_from_, at_ - unknown_from_));
        unknown_from_ = at_;
    }

    const Records& records_;
    Clocks now_;
    std::size_t at_ = 0;
    std::size_t unknown_from_ = 0;
    bool has_counter_ = false;
    bool has_time_ = false;
    std::vector<std::string> fields_;
    std::vector<std::string> settings_;
};

}  // namespace

Clocks Clocks::now()
{
    return {now_of(CLOCK_MONOTONIC), now_of(CLOCK_REALTIME)};
}

template <typename Number>
Number Records::at(std::size_t record, std::size_t offset) const
{
    Number number{};
    std::memcpy(&number, bytes_.data() + record * size_ + offset, sizeof(number));
    return number;
}

template std::uint32_t Records::at(std::size_t record, std::size_t offset) const;
template std::uint64_t Records::at(std::size_t record, std::size_t offset) const;

bool Records::counts(std::size_t offset, std::size_t width) const
{
    for (std::size_t record = 1; record < count(); ++record) {
        const bool next = width == 8 ? u64(record, offset) == u64(record - 1, offset) + 1
                                     : u32(record, offset) == u32(record - 1, offset) + 1;
        if (!next)
            return false;
    }
    return count() > 1;
}

bool Records::has_counter() const
{
    for (std::size_t offset = 0; count() >= kConvincing && offset + 4 <= size_; offset += 4) {
        if (counts(offset, 4))
            return true;
    }
    return false;
}

FieldGuess guess_fields(const Records& records, const Clocks& now)
{
    return Guess(records, now).make();
}

bool are_input_events(const Records& records)
{
    if (records.size() != sizeof(input_event))
        return false;
    return all_fit(records, [&](std::size_t record) {
        const std::uint32_t type_and_code = records.u32(record, offsetof(input_event, type));
        const std::uint64_t microseconds = records.u64(record, 8);
        return (type_and_code & 0xffffU) < EV_CNT && type_and_code >> 16 < KEY_CNT && microseconds < 1'000'000 &&
               records.u64(record, 0) != 0;
    });
}

}  // namespace drvbus::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/field_guess.hpp"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/timestamp_guess.hpp"

namespace drvbus::cli {

namespace {

// In a larger record, unknown bytes become one array and not one field for each number: a format has at most 128
// fields.
constexpr std::size_t kLargestRecordOfNumbers = 64;

std::vector<std::uint64_t> times_of(std::span<const Clocks> times, std::uint64_t Clocks::*clock)
{
    std::vector<std::uint64_t> result;
    result.reserve(times.size());
    for (const Clocks& time : times)
        result.push_back(time.*clock);
    return result;
}

/// Finds the fields of a record, from its first byte to its last.
class FieldFinder {
public:
    FieldFinder(const FixedRecords& records, std::span<const Clocks> read_times)
        : records_(records), monotonic_(times_of(read_times, &Clocks::monotonic)),
          realtime_(times_of(read_times, &Clocks::realtime))
    {
    }

    FieldGuess find()
    {
        while (at_ < records_.size()) {
            if (!add_known())
                add_unknown();
        }
        add_pending_bytes();
        return {fmt::format("{}", fmt::join(fields_, "; ")), settings_};
    }

private:
    /// Whether a number of this width fits here, at its natural alignment.
    [[nodiscard]] bool fits(std::size_t width) const { return at_ % width == 0 && records_.size() - at_ >= width; }

    bool add_known()
    {
        return (fits(8) && (add_timestamp_ns() || add_counter(8))) ||
               (fits(4) && (add_counter(4) || add_timestamp_s()));
    }

    bool add_counter(std::size_t width)
    {
        if (!records_.is_counter(at_, width))
            return false;
        add("counter", width, "sequence = \"{}\"");
        return true;
    }

    bool add_timestamp_ns()
    {
        const std::vector<std::uint64_t> numbers = records_.numbers(at_, 8);
        if (are_timestamps_ns(numbers, monotonic_))
            add("time_ns", 8, "time = \"{}\"");
        else if (are_timestamps_ns(numbers, realtime_))
            add("time_ns", 8, "time = \"{}\"\nclock = \"realtime\"");
        else
            return false;
        return true;
    }

    /// Does not look for seconds since boot: these are small numbers, as many other values are.
    bool add_timestamp_s()
    {
        for (const std::size_t width : {8U, 4U}) {
            if (fits(width) && are_timestamps_s(records_.numbers(at_, width), realtime_)) {
                add("time_s", width, "time = {{ s = \"{}\" }}\nclock = \"realtime\"");
                return true;
            }
        }
        return false;
    }

    /// Adds a counter or a time stamp. Only the first of each kind gets the setting, and a name without its offset.
    void add(const std::string& kind, std::size_t width, fmt::string_view setting)
    {
        add_pending_bytes();
        bool& has_one = kind == "counter" ? has_counter_ : has_time_;
        const std::string name = has_one ? fmt::format("{}_{}", kind, at_) : kind;
        fields_.push_back(fmt::format("u{} {}", 8 * width, name));
        if (!has_one)
            settings_.push_back(fmt::format(fmt::runtime(setting), name));
        has_one = true;
        at_ += width;
        pending_from_ = at_;
    }

    void add_unknown()
    {
        if (records_.size() > kLargestRecordOfNumbers) {
            ++at_;
            return;
        }
        const std::size_t width = fits(4) ? 4 : fits(2) ? 2 : 1;
        fields_.push_back(fmt::format("u{} field_{}", 8 * width, at_));
        at_ += width;
        pending_from_ = at_;
    }

    /// The unknown bytes since the last field become a field.
    void add_pending_bytes()
    {
        if (at_ > pending_from_)
            fields_.push_back(fmt::format("u8 bytes_{}[{}]", pending_from_, at_ - pending_from_));
        pending_from_ = at_;
    }

    const FixedRecords& records_;
    std::vector<std::uint64_t> monotonic_;
    std::vector<std::uint64_t> realtime_;
    std::size_t at_ = 0;            // offset of the next field
    std::size_t pending_from_ = 0;  // offset of the unknown bytes before it that belong to no field yet
    bool has_counter_ = false;
    bool has_time_ = false;
    std::vector<std::string> fields_;
    std::vector<std::string> settings_;
};

}  // namespace

FieldGuess guess_fields(const FixedRecords& records, std::span<const Clocks> read_times)
{
    return FieldFinder(records, read_times).find();
}

}  // namespace drvbus::cli

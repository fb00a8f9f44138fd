// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace drvbus::cli {

/// Clocks, in nanoseconds.
struct Clocks {
    std::uint64_t monotonic;
    std::uint64_t realtime;

    [[nodiscard]] static Clocks now();
};

/// Records of one size, one behind the other.
class Records {
public:
    Records(std::span<const std::byte> bytes, std::size_t size) : bytes_(bytes), size_(size) {}

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t count() const noexcept { return bytes_.size() / size_; }
    [[nodiscard]] std::uint32_t u32(std::size_t record, std::size_t offset) const
    {
        return at<std::uint32_t>(record, offset);
    }
    [[nodiscard]] std::uint64_t u64(std::size_t record, std::size_t offset) const
    {
        return at<std::uint64_t>(record, offset);
    }

    /// Whether the number of `width` bytes there is one more in each record than in the one before.
    [[nodiscard]] bool counts(std::size_t offset, std::size_t width) const;
    /// Whether there is one that counts.
    [[nodiscard]] bool has_counter() const;

private:
    template <typename Number>
    [[nodiscard]] Number at(std::size_t record, std::size_t offset) const;

    std::span<const std::byte> bytes_;
    std::size_t size_;
};

/// What the parts of records seem to be.
struct FieldGuess {
    std::string format;                 ///< fills them exactly
    std::vector<std::string> settings;  ///< lines of a [[channel]] that go with it
};

/// @param now when the last of them was read
[[nodiscard]] FieldGuess guess_fields(const Records& records, const Clocks& now);

/// Whether they can be struct input_event.
[[nodiscard]] bool are_input_events(const Records& records);

}  // namespace drvbus::cli

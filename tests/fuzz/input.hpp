// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace drvbus::fuzz {

/// Aborts, which makes the input a finding, unless `condition` holds. `what` describes the condition.
inline void expect(bool condition, const char* what)
{
    if (condition)
        return;
    std::fprintf(stderr, "VIOLATED: %s\n", what);
    std::abort();
}

/// Reads the bytes of one input in order. After the end, numbers are 0 and texts are empty.
class Input {
public:
    Input(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

    [[nodiscard]] bool done() const { return rest_.empty(); }

    template <typename Number>
    Number number()
    {
        static_assert(std::is_trivially_copyable_v<Number>);
        Number value{};
        const std::string_view bytes = text(sizeof(value));
        if (!bytes.empty())
            std::memcpy(&value, bytes.data(), bytes.size());
        return value;
    }

    /// @returns a number from 0 to `maximum`
    template <typename Number>
    Number up_to(Number maximum)
    {
        return static_cast<Number>(number<Number>() % (maximum + 1U));
    }

    /// @returns the next `size` bytes, or the remaining ones when there are fewer
    std::string_view text(std::size_t size)
    {
        const std::string_view result = rest_.substr(0, size);
        rest_.remove_prefix(result.size());
        return result;
    }

    /// @returns the bytes up to the next `end`, which is skipped, or the remaining ones
    std::string_view text_until(char end)
    {
        const std::string_view result = rest_.substr(0, rest_.find(end));
        rest_.remove_prefix(std::min(result.size() + 1, rest_.size()));
        return result;
    }

    std::string_view rest() { return text(rest_.size()); }

private:
    std::string_view rest_;
};

inline std::span<const std::byte> as_bytes(std::string_view text)
{
    return std::as_bytes(std::span(text));
}

inline std::string_view as_text(std::span<const std::byte> bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Tests one input. Defined by each fuzzer. Throws nothing; aborts the process on a finding.
void run(Input input);

}  // namespace drvbus::fuzz

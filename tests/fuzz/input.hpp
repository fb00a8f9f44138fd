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

/// What must hold for any input; otherwise it is a finding.
inline void expect(bool good, const char* what)
{
    if (good)
        return;
    std::fprintf(stderr, "NOT SO: %s\n", what);
    std::abort();
}

/// The bytes of one input, used up from the front. Behind the end there are zeros.
class Input {
public:
    Input(const std::uint8_t* data, std::size_t size) : left_(reinterpret_cast<const char*>(data), size) {}

    [[nodiscard]] bool done() const { return left_.empty(); }

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

    /// From 0 to `most`.
    template <typename Number>
    Number up_to(Number most)
    {
        return static_cast<Number>(number<Number>() % (most + 1U));
    }

    /// So many bytes, or those that are left.
    std::string_view text(std::size_t size)
    {
        const std::string_view front = left_.substr(0, size);
        left_.remove_prefix(front.size());
        return front;
    }

    /// Everything before the next `end`, which is dropped; or all that is left.
    std::string_view text_until(char end)
    {
        const std::string_view front = left_.substr(0, left_.find(end));
        left_.remove_prefix(std::min(front.size() + 1, left_.size()));
        return front;
    }

    std::string_view rest() { return text(left_.size()); }

private:
    std::string_view left_;
};

inline std::span<const std::byte> as_bytes(std::string_view text)
{
    return std::as_bytes(std::span(text));
}

inline std::string_view as_text(std::span<const std::byte> bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// One input. Throws nothing and returns, or ends the process.
void run(Input input);

}  // namespace drvbus::fuzz

// SPDX-License-Identifier: LGPL-2.1-or-later
#define PCRE2_CODE_UNIT_WIDTH 8
#include "format/regex.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <new>
#include <span>
#include <stdexcept>

#include <fmt/format.h>
#include <pcre2.h>

namespace drvbus::format::regex {

namespace {

// Steps of one match. A text of the largest size that is split once takes about as many. The limit keeps the time that
// a hostile text costs to some milliseconds.
constexpr std::uint32_t kMaxSteps = 100'000;
// Fields of a format, and the complete match.
constexpr std::uint32_t kMaxGroups = 129;

template <typename T>
T* required(T* pointer)
{
    if (pointer == nullptr)
        throw std::bad_alloc();
    return pointer;
}

/// Buffers for a match. They are kept, because creating them for each match would be slow.
struct Buffers {
    Buffers() { pcre2_set_match_limit(context.get(), kMaxSteps); }

    struct Deleter {
        void operator()(pcre2_match_data* owned) const noexcept { pcre2_match_data_free(owned); }
        void operator()(pcre2_match_context* owned) const noexcept { pcre2_match_context_free(owned); }
    };
    std::unique_ptr<pcre2_match_data, Deleter> data{required(pcre2_match_data_create(kMaxGroups, nullptr))};
    std::unique_ptr<pcre2_match_context, Deleter> context{required(pcre2_match_context_create(nullptr))};
};

Buffers& buffers()
{
    static thread_local Buffers kept;
    return kept;
}

/// @returns the offsets of the groups, two for each; empty if the text does not match
std::span<const PCRE2_SIZE> run(const pcre2_code& code, std::string_view text, std::uint32_t options)
{
    const Buffers& used = buffers();
    const int count = pcre2_match(&code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0,
                                  PCRE2_ANCHORED | options, used.data.get(), used.context.get());
    if (count <= 0)
        return {};
    return {pcre2_get_ovector_pointer(used.data.get()), 2 * static_cast<std::size_t>(count)};
}

}  // namespace

Code compile(const std::string& expression)
{
    int error = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code* const code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(),
                                           PCRE2_DOTALL, &error, &offset, nullptr);
    if (code == nullptr) {
        std::array<PCRE2_UCHAR, 256> message{};
        (void)pcre2_get_error_message(error, message.data(), message.size());
        throw std::runtime_error(fmt::format("the expression \"{}\" has an error at {}: {}", expression, offset,
                                             reinterpret_cast<const char*>(message.data())));
    }
    return {code, [](pcre2_code* owned) { pcre2_code_free(owned); }};
}

std::string escape(std::string_view text)
{
    std::string expression;
    for (const char c : text)
        fmt::format_to(std::back_inserter(expression), "\\x{:02x}", static_cast<unsigned char>(c));
    return expression;
}

std::optional<Groups> match(const pcre2_real_code_8& code, std::string_view text)
{
    const std::span<const PCRE2_SIZE> offsets = run(code, text, PCRE2_ENDANCHORED);
    if (offsets.empty())
        return std::nullopt;
    Groups groups(offsets.size() / 2);
    for (std::size_t i = 0; i < groups.size(); ++i) {
        if (offsets[2 * i] != PCRE2_UNSET)
            groups[i] = text.substr(offsets[2 * i], offsets[2 * i + 1] - offsets[2 * i]);
    }
    return groups;
}

std::optional<std::size_t> match_beginning(const pcre2_real_code_8& code, std::string_view text)
{
    const std::span<const PCRE2_SIZE> offsets = run(code, text, 0);
    return offsets.empty() ? std::nullopt : std::optional(offsets[1]);
}

}  // namespace drvbus::format::regex

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace drvbus::test {

/// The header of a struct drvbus_record, with defaults for fields that a test does not check.
struct RecordHeader {
    std::uint64_t sequence = 1;
    std::uint64_t time_ns = 0;
    std::uint32_t id = 1;
    std::uint32_t flags = 0;
    std::uint32_t reserved = 0;
};

/// The bytes of a struct drvbus_record, as read(2) returns them.
std::string record(const RecordHeader& header, std::string_view payload = {});

/// The bytes of a header that announces `length` bytes of payload, without the payload.
std::string record_header(const RecordHeader& header, std::uint32_t length);

/// The bytes of all values in sequence, as in a packed struct: numbers in the machine's byte order, strings as they
/// are, without a NUL.
template <typename... Values>
std::string packed(const Values&... values)
{
    std::string bytes;
    const auto append = [&bytes](const auto& value) {
        if constexpr (std::is_arithmetic_v<std::remove_cvref_t<decltype(value)>>)
            bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
        else
            bytes.append(value);
    };
    (append(values), ...);
    return bytes;
}

inline std::span<const std::byte> as_bytes(std::string_view text)
{
    return std::as_bytes(std::span(text));
}

inline std::string as_text(std::span<const std::byte> bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <linux/drvbus.h>
#include <unistd.h>

#include "base/errno.hpp"
#include "base/event_loop.hpp"
#include "base/unique_fd.hpp"
#include "input.hpp"

namespace drvbus::fuzz {

constexpr std::size_t kLargestRecord = sizeof(drvbus_record) + DRVBUS_PAYLOAD_MAX;

/// Appends a struct drvbus_record. The payload is `sequence` as a byte, repeated.
inline void append_record(std::string& bytes, std::uint64_t sequence, std::uint32_t length)
{
    drvbus_record header{};
    header.sequence = sequence;
    header.length = length;
    bytes.append(reinterpret_cast<const char*>(&header), sizeof(header));
    const std::size_t aligned = (length + DRVBUS_RECORD_ALIGN - 1) / DRVBUS_RECORD_ALIGN * DRVBUS_RECORD_ALIGN;
    bytes.append(aligned, static_cast<char>(sequence));
}

/// The first record in some bytes, parsed independently of the daemon's code.
struct FirstRecord {
    bool malformed;
    std::size_t size;  ///< in bytes; 0 when the record is incomplete or malformed
    std::uint64_t sequence;
};

inline FirstRecord first_record(std::string_view bytes)
{
    std::array<std::uint64_t, 4> words{};
    static_assert(sizeof(words) == sizeof(drvbus_record));
    if (bytes.size() < sizeof(words))
        return {};
    std::memcpy(words.data(), bytes.data(), sizeof(words));
    const std::uint64_t length = words[3] & 0xffff'ffffU;
    if (words[0] == 0 || words[0] == UINT64_MAX || length > DRVBUS_PAYLOAD_MAX || words[3] >> 32U != 0)
        return {.malformed = true};
    const std::size_t size = sizeof(words) + ((length + 7U) & ~std::uint64_t{7});
    if (bytes.size() < size)
        return {};
    return {.size = size, .sequence = words[0]};
}

/// @returns the size in bytes of the complete records that `bytes` begins with
inline std::size_t size_of_complete_records(std::string_view bytes)
{
    std::size_t size = 0;
    while (const std::size_t next = first_record(bytes.substr(size)).size)
        size += next;
    return size;
}

/// A pipe as a device that is read as a stream. One object serves all inputs.
class Stream {
public:
    static constexpr std::size_t kCapacity = 1048576;

    Stream()
    {
        int ends[2];
        check(pipe2(ends, O_CLOEXEC | O_NONBLOCK), "pipe2");
        read_end_.reset(ends[0]);
        write_end_.reset(ends[1]);
        check(fcntl(ends[0], F_SETPIPE_SZ, static_cast<int>(kCapacity)), "F_SETPIPE_SZ");
    }

    [[nodiscard]] int fd() const { return read_end_.get(); }

    void send(std::string_view bytes) const
    {
        expect(write(write_end_.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
               "the pipe has room (otherwise the fuzzer is wrong)");
    }

    void drain() const
    {
        static std::array<char, 65536> discarded;
        while (read(read_end_.get(), discarded.data(), discarded.size()) > 0) {
        }
    }

private:
    UniqueFd read_end_;
    UniqueFd write_end_;
};

}  // namespace drvbus::fuzz

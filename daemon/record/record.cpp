// SPDX-License-Identifier: LGPL-2.1-or-later
#include "record/record.hpp"

#include <cstring>

#include <linux/drvbus.h>

namespace drvbus::record {

Record parse_record(std::span<const std::byte> bytes)
{
    drvbus_record header{};
    if (bytes.size() < sizeof(header))
        return {Record::State::partial, 0, {}};
    std::memcpy(&header, bytes.data(), sizeof(header));

    // UINT64_MAX is not a valid sequence, because there would be no next one.
    if (header.length > DRVBUS_PAYLOAD_MAX || header.sequence == 0 || header.sequence == UINT64_MAX ||
        header.reserved != 0)
        return {Record::State::malformed, 0, {}};

    constexpr std::size_t align = DRVBUS_RECORD_ALIGN;
    const std::size_t size = sizeof(header) + (header.length + align - 1) / align * align;
    if (bytes.size() < size)
        return {Record::State::partial, size, {}};
    return {Record::State::complete,
            size,
            {header.sequence, header.time_ns, header.id, header.flags, bytes.subspan(sizeof(header), header.length)}};
}

}  // namespace drvbus::record

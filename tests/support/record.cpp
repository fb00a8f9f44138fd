// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/record.hpp"

#include <linux/drvbus.h>

namespace drvbus::test {

std::string record_header(const RecordHeader& header, std::uint32_t length)
{
    return packed(header.sequence, header.time_ns, header.id, header.flags, length, header.reserved);
}

std::string record(const RecordHeader& header, std::string_view payload)
{
    std::string bytes = record_header(header, static_cast<std::uint32_t>(payload.size()));
    static_assert(sizeof(drvbus_record) % DRVBUS_RECORD_ALIGN == 0);
    bytes += payload;
    while (bytes.size() % DRVBUS_RECORD_ALIGN != 0)
        bytes += '\0';
    return bytes;
}

}  // namespace drvbus::test

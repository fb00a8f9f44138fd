// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "reader/reader.hpp"
#include "record/record.hpp"
#include "support/record.hpp"

namespace drvbus::test {

/// An event that outlives the reader's buffer.
struct ReceivedEvent {
    std::uint64_t sequence;
    std::string payload;
    bool operator==(const ReceivedEvent&) const = default;
};

inline std::vector<ReceivedEvent> events_in(const reader::Reader::Batch& batch)
{
    std::vector<ReceivedEvent> taken;
    for (std::size_t at = 0; at < batch.records.size();) {
        const record::Record found = record::parse_record(batch.records.subspan(at));
        if (found.state != record::Record::State::complete)
            throw std::runtime_error("a batch with less than a whole record");
        taken.push_back({found.event.sequence, as_text(found.event.payload)});
        at += found.size;
    }
    return taken;
}

}  // namespace drvbus::test

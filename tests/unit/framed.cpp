// SPDX-License-Identifier: LGPL-2.1-or-later
#include "framed.hpp"

#include <algorithm>

#include "record/framer.hpp"
#include "support/record.hpp"

namespace drvbus::test {

std::vector<std::string> all_of(const record::Framing& framing, const std::string& text, std::size_t part,
                                bool end_of_input)
{
    std::vector<std::string> all;
    record::Framer framer(framing);
    bool skipping = false;
    unsigned errors = 0;
    std::size_t at = 0;
    for (std::size_t end = 0; end < text.size();) {
        end = std::min(text.size(), end + part);
        for (;;) {
            const std::string bytes = text.substr(at, end - at);
            const record::Frame frame = framer.next(as_bytes(bytes), end_of_input && end == text.size(), skipping);
            if (frame.kind == record::Frame::Kind::incomplete)
                break;
            at += frame.size;
            errors += frame.begins_to_skip(skipping) ? 1 : 0;
            skipping = frame.skipping;
            if (frame.kind != record::Frame::Kind::skipped)
                all.push_back(as_text(frame.payload) + (frame.kind == record::Frame::Kind::cut ? "+" : ""));
        }
    }
    all.push_back(std::to_string(errors));
    return all;
}

}  // namespace drvbus::test

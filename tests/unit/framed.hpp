// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Frames of input that arrives in parts.
#pragma once

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "record/framing.hpp"

namespace drvbus::test {

/// What a reader makes of `text` if it arrives in parts of `part` bytes: each payload; with a "+" if it is cut. The
/// last element is the number of framing errors.
std::vector<std::string> all_of(const record::Framing& framing, const std::string& text, std::size_t part,
                                bool end_of_input = false);

/// Expects the same result of `text` in one piece, byte by byte, and in parts of any other size.
template <typename Matcher>
void expect_frames(const record::Framing& framing, const std::string& text, const Matcher& matcher,
                   bool end_of_input = false)
{
    for (std::size_t part = 1; part <= text.size(); ++part)
        EXPECT_THAT(all_of(framing, text, part, end_of_input), matcher) << "in parts of " << part << " bytes";
}

}  // namespace drvbus::test

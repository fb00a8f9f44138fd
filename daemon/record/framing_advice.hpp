// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "record/framing.hpp"

namespace drvbus::record {

/// Why bytes of a device contain no complete record, in words for people: what the framing looks for, what the bytes
/// contain instead, and what to set.
/// @param framing of Kind::lines or Kind::frames
[[nodiscard]] std::string explain_missing_end(const Framing& framing, std::span<const std::byte> bytes);

}  // namespace drvbus::record

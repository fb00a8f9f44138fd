// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>

#include <systemd/sd-bus.h>

namespace drvbus::test {

/// The contents of a message as text, from its start, for comparison with the expected contents. Values are separated
/// by spaces:
///
///   numbers   their type and value, as y255, n-1, d0.5
///   booleans  true or false
///   strings   "text"
///   variants  <value>
///   arrays    type and elements, as ay[y1 y2] or a{sv}[{"key" <u1>}]
///   structs   (value value)
///
/// @param message one that was received, or a sealed one
[[nodiscard]] std::string text_of(sd_bus_message* message);

/// Ends the writing of a message, so that it can be read.
void seal(sd_bus_message* message);

}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace drvbus::record {

/// Names of a channel's events by id. The text in sysfs and in the checkpoint has lines of "ID NAME", with the id in
/// decimal. Lines of another form are skipped. If an id has two names, the first one is used.
/// What sd-bus refuses in a name is replaced, because a driver or an earlier release of the daemon gave the name.
[[nodiscard]] std::map<std::uint32_t, std::string> parse_event_names(const std::string& text);

/// The text from which `parse_event_names` makes `names`.
[[nodiscard]] std::string event_names_text(const std::map<std::uint32_t, std::string>& names);

}  // namespace drvbus::record

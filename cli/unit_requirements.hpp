// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "cli/device_info.hpp"
#include "config/config.hpp"

namespace drvbus::cli {

/// Collects the settings that drvbusd.service needs, in addition to its own, to use the devices of channels. Examines
/// the devices, but opens none.
class UnitRequirements {
public:
    /// Adds what one channel needs.
    void add(const std::string& name, const device::ChannelSettings& channel);

    /// Lines for the section [Service], with comments; empty if no setting is needed.
    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    /// Groups besides its own that the service must be a member of.
    [[nodiscard]] const std::set<std::string>& groups() const noexcept { return groups_; }

private:
    void add_match(const device::Settings& settings);
    void add_path(const device::Settings& settings);
    void add_device(const DeviceInfo& info, bool write);
    void add_access(const std::string& path, bool write);
    void add_written_files(const device::Settings& settings, const std::string& node);
    void add_written_file(const std::string& path);
    void add_proc_subset(const std::string& path);
    void add_device_allow(const std::string& device, bool write);
    /// Adds a line unless the text has it already.
    void add_line(const std::string& line);
    /// Adds `SETTING=PREFIX VALUE SUFFIX`, without spaces between, or a comment if `value` cannot be one word of a
    /// unit.
    void add_setting(const std::string& setting, std::string_view prefix, const std::string& value,
                     std::string_view suffix);
    /// @param text of one or more lines
    void add_comment(const std::string& text);

    std::string text_;
    std::set<std::string> lines_;
    std::set<std::string> groups_;
};

}  // namespace drvbus::cli

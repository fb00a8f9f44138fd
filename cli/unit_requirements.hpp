// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cli/device_info.hpp"
#include "config/config.hpp"

namespace drvbus::cli {

/// What drvbusd.service needs beyond what it has, for all channels of a configuration. Devices are looked at, and not
/// opened.
class UnitNeeds {
public:
    void add(const std::string& name, const device::ChannelSettings& channel);

    /// Lines of a [Service] section; empty: nothing is needed.
    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    /// Groups that the service has to be a member of, besides its own.
    [[nodiscard]] const std::set<std::string>& groups() const noexcept { return groups_; }

private:
    void add_match(const device::Settings& settings);
    void add_path(const device::Settings& settings);
    void add_node(const Identity& identity, bool write);
    void add_rights(const std::string& node, bool write);
    void add_written(const device::Settings& settings, const std::string& node);
    void add_written_file(const std::string& path);
    void add_proc(const std::string& path);
    /// A line of the unit, if it is not there already.
    void line(const std::string& text);
    /// SETTING=VALUE, where VALUE is one word and, perhaps, rights behind it.
    void line(const std::string& setting, const std::string& word, const std::string& behind = {});
    void comment(const std::string& text);

    std::string text_;
    std::set<std::string> lines_;
    std::set<std::string> groups_;
};

}  // namespace drvbus::cli

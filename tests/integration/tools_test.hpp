// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <string>
#include <vector>

#include "daemon_test.hpp"

namespace drvbus::test {

/// drvbusd as a tool, which says something and ends.
class ToolsTest : public DaemonTest {
protected:
    /// drvbusd with the test's configuration, and with no bus to be found.
    [[nodiscard]] std::vector<std::string> line(const std::vector<std::string>& arguments) const
    {
        std::vector<std::string> line = command();
        line.insert(line.end(), arguments.begin(), arguments.end());
        return line;
    }

    [[nodiscard]] Process::Options options() const
    {
        return {{"DBUS_SESSION_BUS_ADDRESS=unix:path=" + path("no-bus"), "JOURNAL_STREAM"}, {}};
    }

    static Result end_of(Process& process) { return {process.wait().value_or(-1), process.output()}; }

    [[nodiscard]] Result run_tool(const std::vector<std::string>& arguments, const std::string& configuration) const
    {
        configure(configuration);
        Process process(line(arguments), options());
        return end_of(process);
    }

    [[nodiscard]] Result check(const std::string& configuration) const
    {
        return run_tool({"--check-config"}, configuration);
    }
};

}  // namespace drvbus::test

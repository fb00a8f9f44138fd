// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/process.hpp"

namespace drvbus::test {

/// Runs drvbusctl with a configuration file of the test's own.
class DrvbusctlTest : public testing::Test {
protected:
    [[nodiscard]] std::string config_file() const { return path("drvbusd.toml"); }
    /// Path of a file in the test's directory.
    [[nodiscard]] std::string path(const std::string& file) const { return directory_.path() + "/" + file; }
    void configure(const std::string& text) const { directory_.file("drvbusd.toml", text); }

    /// Command line of drvbusctl.
    static std::vector<std::string> line(const std::vector<std::string>& arguments)
    {
        std::vector<std::string> line{variable("DRVBUSCTL")};
        line.insert(line.end(), arguments.begin(), arguments.end());
        return line;
    }

    /// Command line of a subcommand that reads the test's configuration file.
    [[nodiscard]] std::vector<std::string> config_line(const std::string& subcommand) const
    {
        return line({subcommand, "--config", config_file(), "--presets", variable("DRVBUS_PRESETS")});
    }

    static Result end_of(Process& process) { return {process.wait().value_or(-1), process.output()}; }

    [[nodiscard]] Result run_with(const std::string& subcommand, const std::string& configuration) const
    {
        configure(configuration);
        return run(config_line(subcommand));
    }

    [[nodiscard]] Result check(const std::string& configuration) const
    {
        return run_with("check-config", configuration);
    }

private:
    static std::string variable(const char* name)
    {
        const char* const value = std::getenv(name);
        if (value == nullptr)
            throw std::runtime_error(std::string(name) + " must be set: meson test does that");
        return value;
    }

    TemporaryDirectory directory_;
};

}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The client library as "meson install" installs it.
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "daemon_test.hpp"
#include "support/process.hpp"
#include "support/record.hpp"

namespace drvbus::test {
namespace {

/// Installs only the client library, into a directory of the test.
class InstalledClient : public DaemonTest {
protected:
    InstalledClient()
    {
        const char* const build = std::getenv("DRVBUS_BUILD_DIR");
        if (build == nullptr)
            throw std::runtime_error("DRVBUS_BUILD_DIR is not set: run this test with meson");
        const Result install = run({"meson", "install", "-C", build, "--no-rebuild", "--quiet", "--tags",
                                    "devel,python-runtime", "--destdir", path("root")});
        if (install.status != 0)
            throw std::runtime_error("meson install failed: " + install.output);
        start(channel("sensor", fifo_.path()));
        writer_ = fifo_.open_writer();
        write_all(writer_.get(), record({.sequence = 1, .id = 5}));
    }

    /// @returns the directory below the installed files that contains `file`
    [[nodiscard]] std::string directory_of(const std::string& file) const
    {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(path("root")))
            if (entry.path().string().ends_with("/" + file))
                return entry.path().string().substr(0, entry.path().string().size() - file.size() - 1);
        throw std::runtime_error(file + " is not installed");
    }

    [[nodiscard]] Result run_on_bus(const std::vector<std::string>& command) const
    {
        return run(command, {"DBUS_SYSTEM_BUS_ADDRESS=" + bus().address()});
    }

    Fifo fifo_{path("sensor")};
    UniqueFd writer_;
};

TEST_F(InstalledClient, ProgramCompilesWithPkgConfigAndReceivesAnEvent)
{
    const Result compile =
        shell("flags=$(PKG_CONFIG_SYSROOT_DIR=" + path("root") + " PKG_CONFIG_PATH=" + directory_of("libdrvbus.pc") +
              " pkg-config --cflags --libs libdrvbus) && "
              "c++ -std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -o " +
              path("program") + " " DRVBUS_INSTALLED_PROGRAM " $flags");
    ASSERT_EQ(compile.status, 0) << compile.output;
    const Result result = run_on_bus({path("program")});
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.output, DRVBUS_VERSION " " DRVBUS_VERSION "\n5 1\n");
}

TEST_F(InstalledClient, PythonPackageCanBeImported)
{
    const std::string script = "import drvbus\n"
                               "from gi.repository import Gio\n"
                               "bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)\n"
                               "print(drvbus.__version__, drvbus.daemon_version(bus), drvbus.INTERFACE_VERSION)\n";
    const Result result =
        run_on_bus({"env", "PYTHONPATH=" + directory_of("drvbus/__init__.py"), "python3", "-c", script});
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.output, DRVBUS_VERSION " " DRVBUS_VERSION " 1\n");
}

}  // namespace
}  // namespace drvbus::test

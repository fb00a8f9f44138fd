// SPDX-License-Identifier: LGPL-2.1-or-later
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/systemd_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/config.hpp"
#include "daemon.hpp"
#include "version.hpp"

namespace {

/// Whether stderr is the socket of the journal. $JOURNAL_STREAM (systemd.exec(5)) names that socket. A child inherits
/// the variable even if its stderr is another file, so its value has to be compared.
bool stderr_is_journal()
{
    const char* const stream = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    return stream != nullptr && fstat(STDERR_FILENO, &status) == 0 &&
           fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

/// Makes the log go to the journal if systemd has connected stderr to it, and else to stderr as plain text.
void start_log()
{
    std::shared_ptr<spdlog::logger> logger;
    if (stderr_is_journal()) {
        logger =
            std::make_shared<spdlog::logger>("drvbusd", std::make_shared<spdlog::sinks::systemd_sink_st>("drvbusd"));
    } else {
        logger = std::make_shared<spdlog::logger>("drvbusd", std::make_shared<spdlog::sinks::stderr_sink_st>());
        logger->set_pattern("%n: %l: %v");
    }
    spdlog::set_default_logger(logger);
}

/// What the command line sets.
struct Options {
    drvbus::bus::BusType bus = drvbus::bus::BusType::system;
    drvbus::ConfigPath config;
};

/// Parses the command line.
/// @param exit_code set if the daemon must not start: the exit code of the process
/// @returns whether the daemon must start
bool parse(int argc, char** argv, Options& options, int& exit_code)
{
    CLI::App app("Publishes events of kernel drivers on D-Bus.", "drvbusd");
    bool session = false;
    std::string file;
    std::string presets;
    app.add_flag("--session", session, "Use the session bus instead of the system bus");
    app.add_option("--config", file,
                   "Read this configuration file and FILE.d/*.toml instead of /etc/drvbus/drvbusd.toml")
        ->type_name("FILE");
    app.add_option("--presets", presets, "Read presets from this directory")->type_name("DIRECTORY");
    app.set_version_flag("--version", drvbus::kVersion);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        exit_code = app.exit(error) == 0 ? EXIT_SUCCESS : EX_USAGE;
        return false;
    }
    if (session)
        options.bus = drvbus::bus::BusType::session;
    if (!file.empty())
        options.config = {file, true, {}};
    options.config.presets = presets;
    return true;
}

}  // namespace

int main(int argc, char** argv)
{
    try {
        Options options;
        int exit_code = EXIT_SUCCESS;
        if (!parse(argc, argv, options, exit_code))
            return exit_code;
        start_log();
        return drvbus::Daemon(options.bus, options.config).run();
    } catch (const drvbus::ConfigError& error) {
        spdlog::critical("{}", error.what());
        return EX_CONFIG;
    } catch (const drvbus::bus::NameError& error) {
        spdlog::critical("{}", error.what());
        return error.exit_code();
    } catch (const std::exception& error) {
        spdlog::critical("{}", error.what());
        return EXIT_FAILURE;
    }
}

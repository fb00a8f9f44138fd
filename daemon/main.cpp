// SPDX-License-Identifier: LGPL-2.1-or-later
#include <chrono>
#include <cstdint>
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

#include "cli/tools.hpp"
#include "config/config.hpp"
#include "daemon.hpp"
#include "version.hpp"

namespace {

/// Whether stderr is the journal's socket. The variable alone does not say so: children inherit it, whatever
/// their stderr is ($JOURNAL_STREAM in systemd.exec(5)).
bool stderr_is_journal()
{
    const char* const stream = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    return stream != nullptr && fstat(STDERR_FILENO, &status) == 0 &&
           fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

/// To the journal where systemd has connected it to stderr, else as plain text.
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

enum class Mode : std::uint8_t { daemon, check_config, probe, print_unit_dropin };

struct Options {
    Mode mode = Mode::daemon;
    drvbus::bus::Which bus = drvbus::bus::Which::system;
    drvbus::ConfigPath config;
    std::string device;
    std::chrono::seconds::rep seconds = 5;
};

/// Those that end the process instead of starting the daemon.
void add_tools(CLI::App& app, Options& options)
{
    CLI::Option_group* const tools = app.add_option_group("Tools", "Each is done without a bus, and ends the process");
    CLI::Option* const check = tools->add_flag_callback(
        "--check-config", [&options] { options.mode = Mode::check_config; },
        "Explain the configuration, and tell whether its devices can be used now");
    CLI::Option* const probe = tools
                                   ->add_option("--probe", options.device,
                                                "Show what reading a device brings, and a [[channel]] to begin with")
                                   ->type_name("DEVICE")
                                   ->each([&options](const std::string&) { options.mode = Mode::probe; });
    CLI::Option* const dropin = tools->add_flag_callback(
        "--print-unit-dropin", [&options] { options.mode = Mode::print_unit_dropin; },
        "Print a drop-in for drvbusd.service that lets it have the configured devices");
    check->excludes(probe)->excludes(dropin);
    probe->excludes(dropin);
    tools->add_option("--seconds", options.seconds, "Probe so long")
        ->needs(probe)
        ->check(CLI::Range(1, 3600))
        ->capture_default_str();
}

/// @returns whether to go on; else `exit_code` is what to end with
bool parse(int argc, char** argv, Options& options, int& exit_code)
{
    CLI::App app("Publishes events of kernel drivers on D-Bus.", "drvbusd");
    bool session = false;
    std::string file;
    std::string presets;
    app.add_flag("--session", session, "Use the session bus instead of the system bus");
    app.add_option("--config", file,
                   "Read this configuration file, and FILE.d/*.toml, instead of /etc/drvbus/drvbusd.toml")
        ->type_name("FILE");
    app.add_option("--presets", presets, "Look for presets in this folder")->type_name("FOLDER");
    app.set_version_flag("--version", drvbus::kVersion);
    add_tools(app, options);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        exit_code = app.exit(error) == 0 ? EXIT_SUCCESS : EX_USAGE;
        return false;
    }
    if (session)
        options.bus = drvbus::bus::Which::session;
    if (!file.empty())
        options.config = {file, true, {}};
    options.config.presets = presets;
    return true;
}

int run(const Options& options)
{
    switch (options.mode) {
    case Mode::check_config:
        return drvbus::tools::check_config(options.config);
    case Mode::probe:
        return drvbus::tools::probe(options.device, std::chrono::seconds(options.seconds));
    case Mode::print_unit_dropin:
        return drvbus::tools::print_unit_dropin(options.config);
    default:
        return drvbus::Daemon(options.bus, options.config).run();
    }
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
        return run(options);
    } catch (const drvbus::ConfigError& error) {
        spdlog::critical("{}", error.what());
        return EX_CONFIG;
    } catch (const std::exception& error) {
        spdlog::critical("{}", error.what());
        return EXIT_FAILURE;
    }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include <chrono>
#include <cstdlib>
#include <exception>
#include <string>

#include <CLI/CLI.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sysexits.h>

#include "cli/commands.hpp"
#include "config/config.hpp"
#include "version.hpp"

namespace {

using drvbus::cli::check_config;
using drvbus::cli::print_unit_dropin;
using drvbus::cli::probe;

struct Options {
    std::string config;
    std::string presets;
    std::string device;
    std::chrono::seconds::rep seconds = 5;
    std::chrono::seconds::rep check_seconds = 0;  // 0: check-config reads nothing

    [[nodiscard]] drvbus::ConfigPath config_path() const
    {
        drvbus::ConfigPath path;
        if (!config.empty())
            path = {config, true, {}};
        path.presets = presets;
        return path;
    }
};

/// The output of a command goes to stdout, so log messages of the daemon's code must not.
void log_to_stderr()
{
    const auto logger = spdlog::stderr_logger_st("drvbusctl");
    logger->set_pattern("%n: %v");
    spdlog::set_default_logger(logger);
}

CLI::App* add_config_command(CLI::App& app, Options& options, const char* name, const char* description)
{
    CLI::App* const command = app.add_subcommand(name, description);
    command
        ->add_option("--config", options.config,
                     "Read this configuration file and FILE.d/*.toml instead of /etc/drvbus/drvbusd.toml")
        ->type_name("FILE");
    command->add_option("--presets", options.presets, "Read presets from this directory")->type_name("DIRECTORY");
    return command;
}

int parse_and_run(int argc, char** argv)
{
    CLI::App app("Checks the configuration of drvbusd and examines devices for it.", "drvbusctl");
    app.set_version_flag("--version", drvbus::kVersion);
    app.require_subcommand(1);
    Options options;
    CLI::App* const check = add_config_command(
        app, options, "check-config", "Explain the configuration and test whether its devices can be used now");
    check
        ->add_option("--seconds", options.check_seconds,
                     "Also run the setup of each device, and read it for this many seconds, 1 to 3600")
        ->type_name("N")
        ->check(CLI::Range(1, 3600).description(""));
    CLI::App* const probe_command =
        app.add_subcommand("probe", "Read a device, show its data and suggest a [[channel]] for it");
    probe_command->add_option("DEVICE", options.device, "Path of the device")->required();
    probe_command->add_option("--seconds", options.seconds, "Read for this many seconds, 1 to 3600")
        ->type_name("N")
        ->check(CLI::Range(1, 3600).description(""))
        ->capture_default_str();
    const CLI::App* const dropin =
        add_config_command(app, options, "unit-dropin",
                           "Print a drop-in for drvbusd.service that gives it access to the configured devices");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? EXIT_SUCCESS : EX_USAGE;
    }
    if (check->parsed())
        return check_config(options.config_path(), std::chrono::seconds(options.check_seconds));
    if (dropin->parsed())
        return print_unit_dropin(options.config_path());
    return probe(options.device, std::chrono::seconds(options.seconds));
}

}  // namespace

int main(int argc, char** argv)
{
    try {
        log_to_stderr();
        return parse_and_run(argc, argv);
    } catch (const drvbus::ConfigError& error) {
        spdlog::critical("{}", error.what());
        return EX_CONFIG;
    } catch (const std::exception& error) {
        spdlog::critical("{}", error.what());
        return EXIT_FAILURE;
    }
}

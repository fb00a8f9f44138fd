// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/process.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace drvbus::test {

namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts)
{
    std::vector<char*> result;
    result.reserve(texts.size() + 1);
    for (const std::string& text : texts)
        result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

/// The environment of the test with `changes` applied.
std::vector<std::string> environment_with(const std::vector<std::string>& changes)
{
    const auto name_of = [](const std::string& entry) { return entry.substr(0, entry.find('=')); };
    std::vector<std::string> result;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        if (std::ranges::find(changes, name_of(*entry), name_of) == changes.end())
            result.emplace_back(*entry);
    }
    std::ranges::copy_if(changes, std::back_inserter(result),
                         [](const std::string& change) { return change.find('=') != std::string::npos; });
    return result;
}

}  // namespace

Process::Process(const std::vector<std::string>& command, const Options& options)
{
    output_ = memfd_create("output", MFD_CLOEXEC);
    if (output_ < 0)
        throw std::system_error(errno, std::generic_category(), "memfd_create");
    const std::vector<char*> arguments = pointers(command);
    const std::vector<std::string> environment = environment_with(options.environment);
    const std::vector<char*> variables = pointers(environment);

    pid_ = fork();
    if (pid_ < 0)
        throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        std::signal(SIGPIPE, SIG_DFL);
        dup2(output_, STDOUT_FILENO);
        dup2(output_, STDERR_FILENO);
        if (options.before_exec)
            options.before_exec();
        execvpe(arguments.front(), arguments.data(), variables.data());
        _exit(127);
    }
    setpgid(pid_, pid_);  // here as well, so that the group exists when the constructor returns
}

Process::~Process()
{
    if (!status_) {
        kill(-pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    close(output_);
}

std::string Process::output(std::size_t from) const
{
    std::string text;
    char buffer[65536];
    ssize_t got = 0;
    while ((got = pread(output_, buffer, sizeof(buffer), static_cast<off_t>(from + text.size()))) > 0)
        text.append(buffer, static_cast<std::size_t>(got));
    return text;
}

void Process::signal(int number) const
{
    kill(pid_, number);
}

void Process::stop() const
{
    signal(SIGSTOP);
    siginfo_t stopped{};
    if (waitid(P_PID, static_cast<id_t>(pid_), &stopped, WSTOPPED | WNOWAIT) < 0)
        throw std::system_error(errno, std::generic_category(), "stopping a process");
}

void Process::resume() const
{
    signal(SIGCONT);
}

std::optional<int> Process::wait(std::chrono::milliseconds limit)
{
    wait_until(
        [this] {
            int status = 0;
            if (!status_ && waitpid(pid_, &status, WNOHANG) == pid_)
                status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            return status_.has_value();
        },
        limit);
    return status_;
}

void raise_file_limit(std::uint64_t count)
{
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = std::max<rlim_t>(limit.rlim_cur, count);
    limit.rlim_max = std::max(limit.rlim_max, limit.rlim_cur);
    setrlimit(RLIMIT_NOFILE, &limit);
}

void drop_access_capabilities()
{
    if (geteuid() == 0 &&
        (prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE) < 0 || prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH) < 0))
        _exit(126);
}

void disable_huge_pages()
{
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

Result run(const std::vector<std::string>& command, const std::vector<std::string>& environment)
{
    Process process(command, {environment, {}});
    const std::optional<int> status = process.wait();
    return {status.value_or(-1), process.output()};
}

std::string must_run(const std::vector<std::string>& command)
{
    const Result result = run(command);
    if (result.status != 0)
        throw std::runtime_error(command.front() + " failed: " + result.output);
    return result.output;
}

Result shell(const std::string& line)
{
    return run({"/bin/sh", "-c", line});
}

std::string read_file(const std::string& path)
{
    std::ifstream stream(path);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

std::uint64_t sum_of(const std::string& key, const std::string& path)
{
    std::istringstream lines(read_file(path));
    std::uint64_t sum = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(key))
            sum += std::stoull(line.substr(line.find(':') + 1));
    }
    return sum;
}

std::uint64_t number_in_environment(const char* variable, std::uint64_t default_value)
{
    const char* const text = std::getenv(variable);
    return text == nullptr ? default_value : std::stoull(text);
}

int write_file(const std::string& path, const std::string& text)
{
    const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    const ssize_t written = write(fd, text.data(), text.size());
    const int error = written < 0 ? errno : 0;
    close(fd);
    return error;
}

TemporaryDirectory::TemporaryDirectory()
{
    const char* const base = std::getenv("TMPDIR");
    path_ = std::string(base != nullptr ? base : "/tmp") + "/drvbus-test-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr)
        throw std::system_error(errno, std::generic_category(), path_);
}

TemporaryDirectory::~TemporaryDirectory()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::file(const std::string& name, const std::string& text) const
{
    const std::filesystem::path path = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path;
}

}  // namespace drvbus::test

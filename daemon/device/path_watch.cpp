// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device/path_watch.hpp"

#include <filesystem>
#include <system_error>

#include <spdlog/spdlog.h>
#include <sys/inotify.h>

namespace drvbus::device {

namespace fs = std::filesystem;

bool PathWatch::watch(const std::string& path)
{
    Entry entry = nearest_entry(path);
    if (entry == watched_)
        return false;
    stop();
    try {
        source_ =
            loop_.watch_directory(entry.directory, IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF,
                                  [this](std::string_view name) { on_change(name); });
    } catch (const std::system_error& error) {
        spdlog::debug("changes in {} are not noticed: {}", entry.directory, error.what());
        return false;
    }
    watched_ = std::move(entry);
    return true;
}

void PathWatch::stop() noexcept
{
    source_.reset();
    watched_ = {};
}

/// The first entry of the path that does not exist, or the file that the path names. Follows symbolic links.
PathWatch::Entry PathWatch::nearest_entry(const std::string& path)
{
    constexpr int kMaxLinks = 40;  // as in the kernel
    std::error_code error;
    fs::path at(path);
    for (int links = 0; links < kMaxLinks && fs::is_symlink(at, error); ++links)
        at = at.parent_path() / fs::read_symlink(at, error);
    while (at.has_relative_path()) {
        const fs::path directory = fs::canonical(at.parent_path(), error);
        if (!error)
            return {directory.string(), at.filename().string()};
        at = at.parent_path();
    }
    return {"/", {}};
}

void PathWatch::on_change(std::string_view name)
{
    // If the directory itself has changed, the watch may have ended.
    if (name.empty())
        watched_ = {};
    if (name.empty() || name == watched_.name)
        changed_();
}

}  // namespace drvbus::device

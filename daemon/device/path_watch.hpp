// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "base/event_loop.hpp"

namespace drvbus::device {

/// Waits for a change because of which a path could be opened: it was created, or its permissions have changed. A
/// program may change both without a uevent.
///
/// Watches one directory: that of the path, or the nearest one that exists. inotify reports changes of a file to the
/// watches of its directory. It does not allow to watch a file that cannot be read.
class PathWatch {
public:
    /// @param loop must outlive this object
    /// @param changed called from the event loop; must not call members of this object
    PathWatch(const EventLoop& loop, std::function<void()> changed) : loop_(loop), changed_(std::move(changed)) {}

    /// Watches an absolute path. Call it after each failed attempt to open the path.
    /// @returns true if the watch is new: a change between the attempt and this call was missed, so try once more
    bool watch(const std::string& path);
    /// Ends the watch.
    void stop() noexcept;

private:
    /// An entry of a directory.
    struct Entry {
        std::string directory;
        std::string name;

        friend bool operator==(const Entry&, const Entry&) = default;
    };

    [[nodiscard]] static Entry nearest_entry(const std::string& path);
    void on_change(std::string_view name);

    const EventLoop& loop_;
    std::function<void()> changed_;
    Entry watched_;  ///< empty: none
    EventSource source_;
};

}  // namespace drvbus::device

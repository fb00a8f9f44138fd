// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string>

#include "checkpoint/checkpoint.hpp"

namespace drvbus::checkpoint {

/// The last positions of channels that the daemon deleted, because their device was removed or they were retired. If a
/// channel appears again under the same name, its property Previous tells subscribers where the earlier instance ended.
class RemovedChannelPositions {
public:
    /// Number of positions that are kept. The oldest one is dropped first.
    static constexpr std::size_t kCapacity = 256;

    /// Replaces the position of the channel `name`. A position without an instance is not stored.
    void put(const std::string& name, const InstancePosition& position)
    {
        take(name);
        if (position.instance == 0)
            return;
        if (removed_.size() == kCapacity)
            removed_.pop_front();
        removed_.push_back({name, position});
    }

    /// Removes and returns the position of the channel `name`; its instance is 0 if none is known.
    InstancePosition take(const std::string& name)
    {
        const auto found = std::ranges::find(removed_, name, &Removed::name);
        if (found == removed_.end())
            return {};
        const InstancePosition position = found->position;
        removed_.erase(found);
        return position;
    }

private:
    struct Removed {
        std::string name;
        InstancePosition position;
    };
    std::deque<Removed> removed_;
};

}  // namespace drvbus::checkpoint

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string>

#include "checkpoint/checkpoint.hpp"

namespace drvbus {

/// How far the channels came that have left: for those that come back under their names, which they do soon.
class Endings {
public:
    static constexpr std::size_t kMost = 256;  ///< the one that left first is forgotten

    void put(const std::string& name, const device::Ending& ending)
    {
        take(name);
        if (ending.instance == 0)
            return;
        if (left_.size() == kMost)
            left_.pop_front();
        left_.push_back({name, ending});
    }

    /// @returns one of the instance 0 where nothing is known of it
    device::Ending take(const std::string& name)
    {
        const auto found = std::ranges::find(left_, name, &Left::name);
        if (found == left_.end())
            return {};
        const device::Ending ending = found->ending;
        left_.erase(found);
        return ending;
    }

private:
    struct Left {
        std::string name;
        device::Ending ending;
    };
    std::deque<Left> left_;
};

}  // namespace drvbus

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device/devices_in_use.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace drvbus::device {

DevicesInUse::Use& DevicesInUse::Use::operator=(Use&& other) noexcept
{
    if (this != &other) {
        reset();
        owner_ = std::exchange(other.owner_, nullptr);
        identity_ = other.identity_;
        id_ = other.id_;
    }
    return *this;
}

void DevicesInUse::Use::reset() noexcept
{
    if (DevicesInUse* const owner = std::exchange(owner_, nullptr))
        owner->release(identity_, id_);
}

bool DevicesInUse::Use::is_of(const struct stat& status) const noexcept
{
    return owner_ != nullptr && identity_of(status) == identity_;
}

std::optional<DevicesInUse::Identity> DevicesInUse::identity_of(const struct stat& status) noexcept
{
    const mode_t type = status.st_mode & S_IFMT;
    if (S_ISCHR(type) || S_ISBLK(type))
        return Identity{.type = type, .device = status.st_rdev, .inode = 0};  // a device may have several nodes
    if (S_ISFIFO(type))
        return Identity{.type = type, .device = status.st_dev, .inode = status.st_ino};
    return std::nullopt;
}

DevicesInUse::Taken DevicesInUse::take(const struct stat& status, const std::string& channel, bool shared)
{
    const std::optional<Identity> identity = identity_of(status);
    if (!identity)
        return {};
    const std::lock_guard lock(mutex_);
    const auto [first, last] = users_.equal_range(*identity);
    const auto other = std::find_if(first, last, [&](const auto& entry) {
        return entry.second.channel != channel && !(shared && entry.second.shared);
    });
    if (other != last)
        return {.use = {}, .user = other->second.channel};
    Taken taken;
    users_.emplace(*identity, User{.id = ++last_id_, .channel = channel, .shared = shared});
    taken.use.owner_ = this;
    taken.use.identity_ = *identity;
    taken.use.id_ = last_id_;
    return taken;
}

DevicesInUse::FreeNode DevicesInUse::take_first(const std::vector<std::string>& nodes, const std::string& channel,
                                                bool shared)
{
    FreeNode result;
    for (const std::string& node : nodes) {
        struct stat status {};
        Taken taken = stat(node.c_str(), &status) == 0 ? take(status, channel, shared) : Taken{};
        if (taken.user.empty()) {
            result.node = node;
            result.use = std::move(taken.use);
            return result;
        }
        result.used += fmt::format("{}{} is used by channel \"{}\"", result.used.empty() ? "" : ", ", node, taken.user);
    }
    return result;
}

void DevicesInUse::release(const Identity& identity, unsigned id) noexcept
{
    {
        const std::lock_guard lock(mutex_);
        const auto [first, last] = users_.equal_range(identity);
        const auto user = std::find_if(first, last, [id](const auto& entry) { return entry.second.id == id; });
        if (user != last)
            users_.erase(user);
    }
    released_();
}

}  // namespace drvbus::device

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <sys/stat.h>

namespace drvbus::device {

/// The device nodes and FIFOs that channels use, whatever their paths. A device belongs to one channel, unless all
/// channels that use it share it: with two readers, each event is published twice, or each reader gets only a part.
///
/// A file, or a connection to a socket, belongs to one channel in any case: both readers get everything.
///
/// All members may be called from any thread.
class DevicesInUse {
    struct Identity {
        mode_t type;
        dev_t device;
        ino_t inode;

        friend bool operator==(const Identity&, const Identity&) = default;
        friend bool operator<(const Identity& a, const Identity& b) noexcept
        {
            return std::tie(a.type, a.device, a.inode) < std::tie(b.type, b.device, b.inode);
        }
    };

public:
    /// The use of a device by a channel. The destructor and `reset` end it.
    class Use {
    public:
        Use() = default;
        Use(Use&& other) noexcept
            : owner_(std::exchange(other.owner_, nullptr)), identity_(other.identity_), id_(other.id_)
        {
        }
        Use& operator=(Use&& other) noexcept;
        ~Use() { reset(); }
        Use(const Use&) = delete;
        Use& operator=(const Use&) = delete;

        void reset() noexcept;
        /// Whether this is the use of the device with this status.
        [[nodiscard]] bool is_of(const struct stat& status) const noexcept;
        explicit operator bool() const noexcept { return owner_ != nullptr; }

    private:
        friend class DevicesInUse;
        DevicesInUse* owner_ = nullptr;
        Identity identity_{};
        unsigned id_ = 0;
    };

    /// The result of an attempt to use a device.
    struct Taken {
        Use use;           ///< empty if another channel uses the device, or if it is neither a device node nor a FIFO
        std::string user;  ///< the channel that uses the device and does not share it; empty: none
    };

    /// One node out of several.
    struct FreeNode {
        std::string node;  ///< empty: other channels use all of them
        Use use;
        std::string used;  ///< says which channels use the nodes before it: `/dev/x is used by channel "a"`
    };

    /// @param released called when a device is no longer used; from any thread; must not throw
    explicit DevicesInUse(std::function<void()> released = [] {}) : released_(std::move(released)) {}
    DevicesInUse(const DevicesInUse&) = delete;
    DevicesInUse& operator=(const DevicesInUse&) = delete;

    /// Begins to use a device, unless another channel uses it. This object must outlive the result.
    /// @param status of the device
    /// @param shared whether the channel accepts that other channels with `shared` use the device
    [[nodiscard]] Taken take(const struct stat& status, const std::string& channel, bool shared);
    /// Begins to use the first of the nodes that no other channel uses. A node that does not exist is used by none.
    [[nodiscard]] FreeNode take_first(const std::vector<std::string>& nodes, const std::string& channel, bool shared);

private:
    struct User {
        unsigned id;
        std::string channel;
        bool shared;
    };

    /// @returns none for what is neither a device node nor a FIFO
    [[nodiscard]] static std::optional<Identity> identity_of(const struct stat& status) noexcept;
    void release(const Identity& identity, unsigned id) noexcept;

    std::function<void()> released_;
    std::mutex mutex_;
    std::multimap<Identity, User> users_;
    unsigned last_id_ = 0;
};

}  // namespace drvbus::device

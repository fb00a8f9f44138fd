// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/fd_store.hpp"
#include "base/unique_fd.hpp"
#include "checkpoint/checkpoint.hpp"
#include "device/arrival_monitor.hpp"
#include "device/devices_in_use.hpp"
#include "device/open.hpp"
#include "device/settings.hpp"
#include "device/setup.hpp"
#include "record/channel_description.hpp"

namespace drvbus::device {

/// Begins the use of a device that an earlier process opened.
/// @param setup SetupState::to_bytes: if the driver returned the file `fd`, only this tells the device
/// @returns empty if another channel uses the device
[[nodiscard]] DevicesInUse::Use take_stored_device(DevicesInUse& in_use, const std::string& channel, int fd,
                                                   std::span<const std::byte> setup, bool shared);

/// The open device of a channel. Opens it and runs the steps of its setup. Stores the open file with the service
/// manager, so that the device stays open across a restart of the daemon.
class DeviceFile {
public:
    /// @param inherited, in_use must outlive this object
    /// @param use of the device that an earlier process opened; empty: none
    /// @param eventfd the eventfd that an earlier process registered with the driver; invalid: none
    DeviceFile(const service::InheritedFds& inherited, DevicesInUse& in_use, DevicesInUse::Use use, UniqueFd eventfd)
        : inherited_(inherited), in_use_(in_use), use_(std::move(use)), eventfd_(std::move(eventfd))
    {
    }
    DeviceFile(const DeviceFile&) = delete;
    DeviceFile& operator=(const DeviceFile&) = delete;
    /// Undoes the setup, unless the service manager keeps the device open.
    ~DeviceFile();

    /// @param settings of the configured device; null: the device is of class drvbus, or the configuration now
    ///        assigns another device to the channel
    void set_settings(std::shared_ptr<const Settings> settings) { settings_ = std::move(settings); }
    /// @returns what `set_settings` got
    [[nodiscard]] const Settings* settings() const noexcept { return settings_.get(); }
    [[nodiscard]] const std::shared_ptr<const Settings>& shared_settings() const noexcept { return settings_; }

    /// Uses `inherited_device` if it is valid, else the device that is still open, and else opens the device.
    /// @param description its `node` is set to the device node that matched
    /// @returns the properties of the device; `fd` is invalid, because this object owns the file descriptor
    /// @throws AbsentError, UnusableError, std::exception
    OpenedDevice open(record::ChannelDescription& description, UniqueFd inherited_device);
    /// Whether the last `open` failed because other channels use the device.
    [[nodiscard]] bool awaits_release() const noexcept { return awaits_release_; }
    /// Whether a change of `device` is a reason to try now to open the configured device. If it was only changed, the
    /// last `open` must have failed because the device was missing or denied the access. After another failure, each
    /// attempt might cause the next change: udev reports one when a program closes a device that it opened for writing.
    [[nodiscard]] bool waits_for(sd_device* device, ArrivalMonitor::Change change) const;
    /// The path that the last `open` could not open, if a change of the path can correct that: it is missing, or its
    /// permissions deny the access. Empty: none.
    [[nodiscard]] const std::string& awaited_path() const noexcept { return awaited_path_; }

    /// Of a configured device: runs the setup if `open` opened the device, stores its result in `checkpoint`, and
    /// discards the staged input. Otherwise reads the result of the earlier setup from `checkpoint`. Of a ring: does
    /// nothing. Call it once after each `open`.
    /// @throws as `run_setup`
    void set_up(checkpoint::Checkpoint& checkpoint);
    /// Stores the open files with the service manager, if they are not stored yet.
    void store(const std::string& channel);
    /// Undoes the setup, closes the device and removes it from the service manager's store.
    void close(const std::string& channel);

    /// File descriptor of the device; stays owned by this object; -1: not open.
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    /// File descriptor of the eventfd that is registered with the driver; stays owned by this object; -1: none.
    [[nodiscard]] int eventfd() const noexcept { return eventfd_.get(); }
    [[nodiscard]] const SetupState& setup_state() const noexcept { return setup_state_; }

    [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(fd_); }
    /// Whether the device is a drvbus ring: see OpenedDevice::ring.
    [[nodiscard]] bool is_ring() const noexcept { return ring_; }
    /// Whether the open file was given to the service manager to store, by this process or an earlier one.
    [[nodiscard]] bool is_stored() const noexcept { return stored_; }
    /// Whether the open device is the one that the node `path` names now.
    [[nodiscard]] bool is_open_as(const std::string& path) const noexcept
    {
        return device::is_open_as(path, fd_.get());
    }
    /// Whether poll(2) reports POLLHUP now.
    [[nodiscard]] bool hung_up() const noexcept;
    /// Whether poll(2) reports POLLIN now.
    [[nodiscard]] bool readable() const noexcept;

private:
    [[nodiscard]] OpenedDevice open_new(record::ChannelDescription& description);
    void choose_node(record::ChannelDescription& description);
    [[nodiscard]] OpenedDevice open_node(const record::ChannelDescription& description);
    void undo_setup();

    [[nodiscard]] bool is_shared() const noexcept { return settings_ && settings_->shared; }
    [[nodiscard]] bool take(const std::string& channel, int fd);

    const service::InheritedFds& inherited_;
    DevicesInUse& in_use_;
    DevicesInUse::Use use_;  // declared before the file, so that it ends after the file is closed
    std::shared_ptr<const Settings> settings_;
    bool ring_ = false;
    bool stored_ = false;         ///< the open files were given to the service manager
    bool newly_opened_ = false;   ///< `set_up` has to run the setup
    bool awaits_change_ = false;  ///< the last `open` failed because the device is missing or denies the access
    std::string awaited_path_;
    bool awaits_release_ = false;
    SetupState setup_state_;
    UniqueFd fd_;
    UniqueFd eventfd_;
};

}  // namespace drvbus::device

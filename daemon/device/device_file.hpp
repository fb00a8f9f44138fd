// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/fd_store.hpp"
#include "base/unique_fd.hpp"
#include "checkpoint/checkpoint.hpp"
#include "device/open.hpp"
#include "device/settings.hpp"
#include "device/setup.hpp"
#include "record/channel_description.hpp"

namespace drvbus::device {

/// The open device of a channel: opens it, does the setup of the configuration, and stores the open file with the
/// service manager, so that the device stays open across a restart of the daemon.
class DeviceFile {
public:
    /// @param inherited must outlive this object
    /// @param eventfd the eventfd that an earlier process registered with the driver; invalid: none
    DeviceFile(const service::InheritedFds& inherited, UniqueFd eventfd)
        : inherited_(inherited), eventfd_(std::move(eventfd))
    {
    }
    DeviceFile(const DeviceFile&) = delete;
    DeviceFile& operator=(const DeviceFile&) = delete;
    /// Undoes the setup, unless the service manager keeps the device open.
    ~DeviceFile();

    /// @param settings the configuration of the device; none: the device is of class drvbus, or the configuration now
    ///        describes another device
    void configure(std::optional<Settings> settings) { settings_ = std::move(settings); }
    /// @returns what `configure` got; null: none
    [[nodiscard]] const Settings* settings() const noexcept { return settings_ ? &*settings_ : nullptr; }

    /// Opens the device. A valid `inherited_device` is used instead, then the device that is still open.
    /// @param description its `node` is set to the device node that matched
    /// @returns the properties of the device; the file descriptor stays in this object
    /// @throws AbsentError, UnusableError, std::exception
    OpenedDevice open(record::ChannelDescription& description, UniqueFd inherited_device);
    /// Does the setup of a newly opened device, or reads from `checkpoint` what an earlier process set up. Call it once
    /// after each `open`.
    void set_up(checkpoint::Checkpoint& checkpoint);
    /// Stores the open files with the service manager, if they are not stored yet.
    void store(const std::string& channel);
    /// Undoes the setup, closes the device and removes it from the service manager's store.
    void close(const std::string& channel);

    /// The file descriptors; they stay owned by this object. -1: not open, or none.
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] int eventfd() const noexcept { return eventfd_.get(); }
    [[nodiscard]] const SetupState& setup_state() const noexcept { return setup_state_; }

    [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(fd_); }
    /// Whether a drvbus ring is behind the device.
    [[nodiscard]] bool is_ring() const noexcept { return ring_; }
    [[nodiscard]] bool is_stored() const noexcept { return stored_; }
    [[nodiscard]] bool is_open_as(const std::string& path) const noexcept
    {
        return device::is_open_as(path, fd_.get());
    }
    /// What poll(2) reports now.
    [[nodiscard]] bool hung_up() const noexcept;
    [[nodiscard]] bool readable() const noexcept;

private:
    [[nodiscard]] OpenedDevice open_new(record::ChannelDescription& description) const;
    void undo_setup();

    const service::InheritedFds& inherited_;
    std::optional<Settings> settings_;
    bool ring_ = false;
    bool stored_ = false;        ///< the service manager has the files
    bool newly_opened_ = false;  ///< the setup is still to be done
    SetupState setup_state_;
    UniqueFd fd_;
    UniqueFd eventfd_;
};

}  // namespace drvbus::device

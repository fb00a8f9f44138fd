// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "device/settings.hpp"

namespace drvbus::device {

/// The result of the setup of an open device. It is needed until the device is closed, also by a later process.
struct SetupState {
    std::string sysfs;                           ///< path of the device in sysfs; empty: none
    std::vector<std::byte> prefix;               ///< precedes the payload of each event
    std::vector<std::vector<std::byte>> before;  ///< for each step, the state before it, to undo it

    [[nodiscard]] std::vector<std::byte> to_bytes() const;
    /// @throws std::runtime_error if the bytes are not from `to_bytes`
    [[nodiscard]] static SetupState from_bytes(std::span<const std::byte> bytes);
};

/// Runs the steps of the setup, and registers an eventfd if the settings have a step for it. If a step fails, the steps
/// before it are undone.
/// @param device replaced by the file descriptor that the driver returns, if a step asks for it
/// @param eventfd set to the registered eventfd
/// @throws as `run`
[[nodiscard]] SetupState run_setup(const Settings& settings, UniqueFd& device, UniqueFd& eventfd);

/// Undoes the setup, the last step first. Errors are ignored, because the device may have been removed.
void undo_setup(const Settings& settings, const SetupState& done, int device, int eventfd) noexcept;

}  // namespace drvbus::device

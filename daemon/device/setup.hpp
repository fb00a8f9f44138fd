// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "device/settings.hpp"

namespace drvbus::device {

/// What has been done to an open device, and is to be known as long as it is open, also to a later process.
struct SetupState {
    std::string sysfs;                           ///< the device's folder there; empty: it has none
    std::vector<std::byte> prefix;               ///< goes before the payload of each event
    std::vector<std::vector<std::byte>> before;  ///< of each step of the setup, for its undoing

    [[nodiscard]] std::vector<std::byte> to_bytes() const;
    /// @throws std::runtime_error where they are none of `to_bytes`
    [[nodiscard]] static SetupState from_bytes(std::span<const std::byte> bytes);
};

/// Does the setup, and hands an eventfd over where there is a step for it. If one fails, those before are undone.
/// @param device is replaced by the file that the driver hands back, if it does
/// @param eventfd gets one where there is a step for it
/// @throws as `run`
[[nodiscard]] SetupState run_setup(const Settings& settings, UniqueFd& device, UniqueFd& eventfd);

/// Undoes the setup, last step first. What fails is passed over: the device may be gone.
void undo_setup(const Settings& settings, const SetupState& done, int device, int eventfd) noexcept;

}  // namespace drvbus::device

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "device/settings.hpp"

namespace drvbus::device {

/// The result of the setup of an open device. The checkpoint stores it, because a later process that takes over the
/// open device needs it.
struct SetupState {
    std::string sysfs;                                  ///< path of the device in sysfs; empty: none
    std::vector<std::byte> payload_prefix;              ///< precedes the payload of each event
    std::vector<std::vector<std::byte>> saved_structs;  ///< for each step its StepResult::saved_struct

    /// Largest size of `payload_prefix` and `saved_structs` in bytes. The checkpoint has 4096, which leaves the rest
    /// for the path in sysfs.
    static constexpr std::size_t kMaxSize = 3072;

    /// The form in which the checkpoint stores it.
    [[nodiscard]] std::vector<std::byte> to_bytes() const;
    /// @throws std::runtime_error if the bytes are not from `to_bytes`
    [[nodiscard]] static SetupState from_bytes(std::span<const std::byte> bytes);
};

/// Runs the steps of the setup, and registers an eventfd if the settings have a step for it. If a step fails, this
/// function undoes the steps before it.
/// @param device replaced by the file descriptor that the driver returns, if a step has `returned_fd`
/// @param eventfd set to the registered eventfd; unchanged if the settings have no step for it
/// @throws as `run` in setup_step.hpp
[[nodiscard]] SetupState run_setup(const Settings& settings, UniqueFd& device, UniqueFd& eventfd);

/// Undoes the setup, the last step first. Errors are only logged, because the device may have been removed.
/// @param state what `run_setup` returned
/// @param device, eventfd stay owned by the caller; -1: none
void undo_setup(const Settings& settings, const SetupState& state, int device, int eventfd) noexcept;

}  // namespace drvbus::device

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/unique_fd.hpp"
#include "format/encode.hpp"

namespace drvbus::device {

/// Values of the placeholders in a step: "{device}" and "{eventfd}" are file descriptor numbers, "{sysfs}" is the path
/// of the device in sysfs. The file descriptors stay owned by the caller; -1: none.
struct StepContext {
    int device = -1;
    int eventfd = -1;
    std::string sysfs{};
};

/// An ioctl() on the device.
struct IoctlStep {
    std::uint64_t request = 0;
    /// The argument, if it is a number.
    std::int64_t value = 0;
    /// The argument, if it is a pointer to a struct. The driver may change the struct.
    std::optional<format::Format> format;
    std::map<std::string, format::Value> values;
    /// Field in which the driver returns a file descriptor that replaces the device; empty: none.
    std::string returned_fd;
    /// Field of the returned struct that precedes the payload of each event; empty: none.
    std::string keep;
    /// Request that reads the struct beforehand; undoing the step sets it again with `request`. 0: none.
    std::uint64_t restored_from = 0;
    /// The device is not used, for `refused_reason`, if one of these bits of the returned struct is set.
    std::vector<std::uint32_t> refused_bits;
    std::string refused_reason;
};

/// One write().
struct WriteStep {
    std::string text;
    std::string to;                  ///< path of another file; empty: the device
    std::optional<std::int64_t> at;  ///< offset in the file; none: the current position
};

/// Moves the position to the end of the file.
struct SeekEndStep {};

/// Adds constant fields that precede the payload of each event.
struct FieldsStep {
    format::Format format;
    std::map<std::string, format::Value> values;
};

/// Something that the configuration does to a device after opening it.
struct SetupStep {
    std::variant<IoctlStep, WriteStep, SeekEndStep, FieldsStep> what;
    std::shared_ptr<const SetupStep> undo;  ///< runs when the device is closed; null: none

    /// Whether the device must be opened for writing.
    [[nodiscard]] bool writes() const;
};

/// The result of a step.
struct StepResult {
    std::vector<std::byte> argument;  ///< the struct after the ioctl
    std::vector<std::byte> prefix;    ///< precedes each payload
    std::vector<std::byte> before;    ///< the struct that `restored_from` read
    UniqueFd returned_fd;
};

/// Runs a step.
/// @throws std::system_error if the driver or the file refuses; UnusableError if a refused bit is set;
/// std::runtime_error if
///         a placeholder has no value. The texts say what was tried
StepResult run(const SetupStep& step, const StepContext& files);
StepResult run(const IoctlStep& step, const StepContext& files);

/// Undoes a step.
/// @param before StepResult::before of the step
/// @throws as `run`
void undo(const SetupStep& step, const StepContext& files, const std::vector<std::byte>& before);

/// In words, for messages: `ioctl 0x5401`, `writing "1" to /sys/…`.
[[nodiscard]] std::string to_string(const SetupStep& step);

}  // namespace drvbus::device

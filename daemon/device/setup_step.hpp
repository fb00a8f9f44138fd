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

/// What a step works on. The members are also the values of the placeholders "{device}", "{eventfd}" and "{sysfs}".
struct StepContext {
    int device = -1;      ///< file descriptor of the device; stays owned by the caller; -1: none
    int eventfd = -1;     ///< file descriptor of the eventfd; stays owned by the caller; -1: none
    std::string sysfs{};  ///< path of the device in sysfs; empty: none
};

/// An ioctl() on the device.
struct IoctlStep {
    std::uint64_t request = 0;
    /// The argument, if it is a number.
    std::int64_t value = 0;
    /// The layout of the argument, if it is a pointer to a struct. The driver may change the struct.
    std::optional<format::Format> format;
    /// The values of the struct's fields, by name. A field without a value is 0.
    std::map<std::string, format::Value> values;
    /// Field in which the driver returns a file descriptor that replaces the device; empty: none.
    std::string returned_fd;
    /// Field of the returned struct that becomes a part of the payload prefix; empty: none.
    std::string prefix_field;
    /// Request that reads the struct before the step changes it. Undoing the step passes that struct to `request`.
    /// 0: none.
    std::uint64_t restored_from = 0;
    /// Numbers of bits of the returned struct. If one of them is set, the step fails with `refused_reason`.
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

/// Adds constant fields to the payload prefix.
struct FieldsStep {
    format::Format format;
    std::map<std::string, format::Value> values;
};

/// One step of the setup that the configuration asks for. The daemon runs it on the open device.
struct SetupStep {
    std::variant<IoctlStep, WriteStep, SeekEndStep, FieldsStep> operation;
    /// Runs before the device is closed; null: none. Only for a step of `setup` or `eventfd`.
    std::shared_ptr<const SetupStep> undo;

    /// Whether the device must be opened for writing.
    [[nodiscard]] bool writes() const;
};

/// The result of a step. Each member is empty if the step has no such result.
struct StepResult {
    std::vector<std::byte> argument;        ///< the struct as the ioctl returned it
    std::vector<std::byte> payload_prefix;  ///< the step's part of the bytes that precede the payload of each event
    std::vector<std::byte> saved_struct;    ///< the struct that `restored_from` read; `undo` needs it
    UniqueFd returned_fd;                   ///< replaces the device
};

/// Runs a step.
/// @throws std::system_error if a system call fails; UnusableError if a refused bit is set; std::runtime_error if the
///         step cannot be run as configured. The message says what failed
StepResult run(const SetupStep& step, const StepContext& context);
StepResult run(const IoctlStep& step, const StepContext& context);

/// Undoes a step.
/// @param saved_struct StepResult::saved_struct of the step
/// @throws as `run`
void undo(const SetupStep& step, const StepContext& context, const std::vector<std::byte>& saved_struct);

/// Names the step in messages: `ioctl 0x5401`, `writing "1" to /sys/…`.
[[nodiscard]] std::string to_string(const SetupStep& step);

}  // namespace drvbus::device

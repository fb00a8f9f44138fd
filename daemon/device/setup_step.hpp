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

/// What a step may name: "{device}" and "{eventfd}", in a text or as the value of a field of a struct, stand for the
/// numbers of open files, and "{sysfs}" for the device's folder in sysfs.
struct StepContext {
    int device = -1;
    int eventfd = -1;
    std::string sysfs{};
};

/// An ioctl of the device.
struct IoctlStep {
    std::uint64_t request = 0;
    /// Its argument where it is a number.
    std::int64_t value = 0;
    /// Its argument where it is a pointer to a struct; the driver may write to it.
    std::optional<format::Format> format;
    std::map<std::string, format::Value> values;
    /// Field in which the driver hands back an open file, which takes the device's place; empty: none.
    std::string returned_fd;
    /// Field of the answer that goes before the payload of each event; empty: none.
    std::string keep;
    /// Request that gets the argument as it is before, with which `request` is done once more to undo it; 0: none.
    std::uint64_t restored_from = 0;
    /// The device is refused, for this reason, if one of these bits of the answer is set.
    std::vector<std::uint32_t> refused_bits;
    std::string refused_reason;
};

/// Something written at once.
struct WriteStep {
    std::string text;
    std::string to;                  ///< path of another file than the device; empty: the device
    std::optional<std::int64_t> at;  ///< where in the file; none: as it comes
};

/// The position moves behind all that there is.
struct SeekEndStep {};

/// Fields that go before the payload of each event.
struct FieldsStep {
    format::Format format;
    std::map<std::string, format::Value> values;
};

/// Something done to a device once it is open, as the configuration says it.
struct SetupStep {
    std::variant<IoctlStep, WriteStep, SeekEndStep, FieldsStep> what;
    std::shared_ptr<const SetupStep> undo;  ///< done when the device is closed; none where nothing is to be undone

    /// Whether the device has to be open for writing.
    [[nodiscard]] bool writes() const;
};

/// What a step has given back.
struct StepResult {
    std::vector<std::byte> argument;  ///< the struct as the driver left it
    std::vector<std::byte> prefix;    ///< goes before each payload
    std::vector<std::byte> before;    ///< what `restored_from` got
    UniqueFd returned_fd;
};

/// Does it.
/// @throws std::system_error where the driver, or the file, refuses; Unusable where the device is to be refused;
///         std::runtime_error where the step names a file that there is not. All say what was tried
StepResult run(const SetupStep& step, const StepContext& files);
StepResult run(const IoctlStep& step, const StepContext& files);

/// Undoes it.
/// @param before what `run` has given back of that name
/// @throws as `run`
void undo(const SetupStep& step, const StepContext& files, const std::vector<std::byte>& before);

/// In words, for errors: `ioctl 0x5401`, `writing "1" to /sys/…`.
[[nodiscard]] std::string to_string(const SetupStep& step);

}  // namespace drvbus::device

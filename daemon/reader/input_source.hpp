// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "device/settings.hpp"
#include "device/setup_step.hpp"

namespace drvbus::reader {

/// Gets the input of an open device, as bytes.
class InputSource {
public:
    InputSource() = default;
    InputSource(const InputSource&) = delete;
    InputSource& operator=(const InputSource&) = delete;
    virtual ~InputSource() = default;

    /// Reads available input into `buffer`.
    /// @param end_of_input set to true if no further input will follow
    /// @returns the number of bytes; 0: no input now
    /// @throws std::system_error if the device fails
    [[nodiscard]] virtual std::size_t read(std::span<std::byte> buffer, bool& end_of_input) = 0;

    /// Whether a read with a small buffer leaves the rest of the input to the next read. If not, a buffer that is too
    /// small would lose input, or divide an event.
    [[nodiscard]] virtual bool reads_in_parts() const { return false; }

    /// Passes on the notifications of the device.
    /// @param count how often the device has notified since the last call; may be 0
    /// @param exact false: it may have been more often
    virtual void notified(std::uint64_t /*count*/, bool /*exact*/) {}
};

/// A source that calls read().
/// @param fd stays owned by the caller and must outlive the source
[[nodiscard]] std::unique_ptr<InputSource> make_read_source(int fd, record::Framing framing);

/// The source that the configuration selects: read(), the complete contents of a file, or an ioctl. It runs the rearm
/// steps again before a read, if the read before it returned input.
/// @param context values of the placeholders in the steps
[[nodiscard]] std::unique_ptr<InputSource> make_source(const device::Settings& settings,
                                                       const device::StepContext& context);

}  // namespace drvbus::reader

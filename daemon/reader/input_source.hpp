// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "device/settings.hpp"
#include "device/setup_step.hpp"

namespace drvbus::reader {

/// Where the bytes of an open device come from.
class InputSource {
public:
    InputSource() = default;
    InputSource(const InputSource&) = delete;
    InputSource& operator=(const InputSource&) = delete;
    virtual ~InputSource() = default;

    /// Puts what there is into `room`.
    /// @param ended set where no more will ever come
    /// @returns bytes; 0 where there is nothing now
    /// @throws std::system_error where the device fails
    [[nodiscard]] virtual std::size_t read(std::span<std::byte> room, bool& ended) = 0;

    /// The device has told of news so many times; at least so many where not `exact`.
    virtual void notified(std::uint64_t /*count*/, bool /*exact*/) {}
};

/// read().
[[nodiscard]] std::unique_ptr<InputSource> make_read_source(int fd, record::Framing framing);

/// As the configuration says: read(), the whole of a file with each news, or an ioctl; and what is to be done behind
/// each of them.
/// @param files what the steps may name; stay the caller's
[[nodiscard]] std::unique_ptr<InputSource> make_source(const device::Settings& settings,
                                                       const device::StepContext& files);

}  // namespace drvbus::reader

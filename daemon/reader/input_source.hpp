// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "device/settings.hpp"
#include "device/setup_step.hpp"

namespace drvbus::device {

/// Where the bytes of an open device come from.
class Source {
public:
    Source() = default;
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    virtual ~Source() = default;

    /// Puts what there is into `room`.
    /// @param ended set where no more will ever come
    /// @returns bytes; 0 where there is nothing now
    /// @throws std::system_error where the device fails
    [[nodiscard]] virtual std::size_t take(std::span<std::byte> room, bool& ended) = 0;

    /// The device has told of news so many times; at least so many where not `exactly`.
    virtual void news(std::uint64_t /*count*/, bool /*exactly*/) {}
};

/// read().
[[nodiscard]] std::unique_ptr<Source> make_read_source(int fd, Framing framing);

/// As the configuration says: read(), the whole of a file with each news, or an ioctl; and what is to be done behind
/// each of them.
/// @param files what the steps may name; stay the caller's
[[nodiscard]] std::unique_ptr<Source> make_source(const Settings& settings, const Files& files);

}  // namespace drvbus::device

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>

#include <sys/types.h>

namespace drvbus {

/// Memory of a file, shared with whoever maps it next.
class Mapping {
public:
    Mapping() = default;
    /// @param times how often `size` bytes of the file stand in memory, one behind the other
    Mapping(int file, off_t offset, std::size_t size, unsigned times = 1);
    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&& other) noexcept;
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping();

    [[nodiscard]] std::byte* data() const noexcept { return data_; }
    explicit operator bool() const noexcept { return data_ != nullptr; }

private:
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace drvbus

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstddef>

#include <sys/types.h>

namespace drvbus {

/// A shared, writable memory mapping of a part of a file. Unmaps it when destroyed.
class Mapping {
public:
    Mapping() = default;
    /// Maps `size` bytes of `file` from `offset`. `offset` must be a multiple of the page size. If `times` is more than
    /// 1, `size` must be such a multiple too.
    /// @param file not needed after the constructor
    /// @param times how often the same bytes are mapped, each time at the addresses after the previous ones. With 2, a
    ///        range that wraps around the end of a ring is contiguous in memory.
    /// @throws std::system_error
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

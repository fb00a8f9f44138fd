// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/mapping.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/mman.h>

namespace drvbus {

Mapping::Mapping(int file, off_t offset, std::size_t size, unsigned times) : size_(size * times)
{
    // Reserves the complete address range, so that the mappings are adjacent.
    void* const all = mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(), "mmap");
    data_ = static_cast<std::byte*>(all);
    for (unsigned i = 0; i < times; ++i) {
        if (mmap(data_ + i * size, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, offset) == MAP_FAILED) {
            const int error = errno;
            munmap(data_, size_);
            throw std::system_error(error, std::generic_category(), "mapping a file");
        }
    }
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0))
{
}

Mapping& Mapping::operator=(Mapping&& other) noexcept
{
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

Mapping::~Mapping()
{
    if (data_ != nullptr)
        munmap(data_, size_);
}

}  // namespace drvbus

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/fixed_records.hpp"

#include <cstring>

namespace drvbus::cli {

namespace {

constexpr std::size_t kEnoughForCounter = 4;

template <typename Number>
Number read_at(const std::byte* at)
{
    Number number{};
    std::memcpy(&number, at, sizeof(number));
    return number;
}

}  // namespace

std::uint64_t FixedRecords::number(std::size_t record, std::size_t offset, std::size_t width) const
{
    const std::byte* const at = bytes_.data() + record * size_ + offset;
    return width == 8 ? read_at<std::uint64_t>(at) : read_at<std::uint32_t>(at);
}

std::vector<std::uint64_t> FixedRecords::numbers(std::size_t offset, std::size_t width) const
{
    std::vector<std::uint64_t> numbers;
    numbers.reserve(count());
    for (std::size_t record = 0; record < count(); ++record)
        numbers.push_back(number(record, offset, width));
    return numbers;
}

bool FixedRecords::is_counter(std::size_t offset, std::size_t width) const
{
    const std::uint64_t mask = width == 8 ? UINT64_MAX : UINT32_MAX;
    for (std::size_t record = 1; record < count(); ++record) {
        if (number(record, offset, width) != ((number(record - 1, offset, width) + 1) & mask))
            return false;
    }
    return count() >= kEnoughForCounter;
}

bool FixedRecords::have_counter() const
{
    for (std::size_t offset = 0; offset + 4 <= size_; offset += 4) {
        if (is_counter(offset, 4))
            return true;
    }
    return false;
}

}  // namespace drvbus::cli

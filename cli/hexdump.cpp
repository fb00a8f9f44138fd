// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/hexdump.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace drvbus::cli {

namespace {

constexpr std::size_t kBytesPerLine = 16;

std::string line_of(std::size_t offset, std::span<const std::byte> bytes)
{
    std::string hex;
    std::string text;
    for (std::size_t at = 0; at < kBytesPerLine; ++at) {
        if (at == kBytesPerLine / 2)
            hex.push_back(' ');
        if (at >= bytes.size()) {
            hex.append(3, ' ');
            continue;
        }
        const auto byte = std::to_integer<unsigned char>(bytes[at]);
        fmt::format_to(std::back_inserter(hex), "{:02x} ", byte);
        text.push_back(byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '.');
    }
    return fmt::format("{:08x}  {} |{}|\n", offset, hex, text);
}

}  // namespace

std::string hexdump(std::span<const std::byte> bytes)
{
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += kBytesPerLine)
        text += line_of(at, bytes.subspan(at, std::min(kBytesPerLine, bytes.size() - at)));
    return text;
}

}  // namespace drvbus::cli

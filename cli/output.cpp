// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/output.hpp"

#include <cerrno>
#include <cstdio>
#include <system_error>

#include <fmt/format.h>

namespace drvbus::cli {

std::string labelled(std::string_view label, std::string_view text)
{
    return fmt::format("  {:<13} {}\n", label, text);
}

void print(std::string_view text)
{
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
        throw std::system_error(errno, std::generic_category(), "writing to stdout");
}

}  // namespace drvbus::cli

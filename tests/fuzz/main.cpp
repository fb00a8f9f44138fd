// SPDX-License-Identifier: LGPL-2.1-or-later
#include <spdlog/spdlog.h>

#include "input.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's
extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/)
{
    spdlog::set_level(spdlog::level::off);  // messages about wrong input would fill the log
    return 0;
}

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    drvbus::fuzz::run(drvbus::fuzz::Input(data, size));
    return 0;
}

// NOLINTNEXTLINE: AddressSanitizer's
extern "C" const char* __asan_default_options()
{
    // A larger quarantine of freed memory would make each input touch new pages, which is slow.
    return "quarantine_size_mb=8";
}

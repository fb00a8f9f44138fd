// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <stdexcept>
#include <string>

namespace drvbus::bus {

/// Makes the daemon reply to the current method call with a D-Bus error.
class MethodError : public std::runtime_error {
public:
    /// @param error_name the D-Bus name of the error; a string literal
    /// @param message what the caller did wrong or should do; the text of the D-Bus error
    MethodError(const char* error_name, const std::string& message) : std::runtime_error(message), name(error_name) {}

    const char* name;
};

}  // namespace drvbus::bus

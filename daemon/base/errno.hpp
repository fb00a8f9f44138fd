// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace drvbus {

/// Turns the result of a libsystemd or kernel call into an exception.
/// @param result a negative errno on failure
/// @param what the start of the exception's text, such as the name of the call
/// @returns `result` if it is not negative
/// @throws std::system_error with the errno and `what` if it is
int check(int result, const char* what);

}  // namespace drvbus

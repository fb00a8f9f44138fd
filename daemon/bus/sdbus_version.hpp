// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Hides the differences between sdbus-c++ 1 and 2 from the daemon and its tests. drvbus/sdbus_compat.hpp does the same
// for clients; this header adds what only the daemon and the tests use.
#pragma once

#include <string>

#include <drvbus/sdbus_compat.hpp>

namespace drvbus::bus {

using client::MaybeError;
using client::open_bus;
using client::OpenedBus;
using client::ServiceName;

#if DRVBUS_SDBUS_2
using InterfaceName = sdbus::InterfaceName;
using PropertyName = sdbus::PropertyName;
using ErrorName = sdbus::Error::Name;
#else
using InterfaceName = std::string;
using PropertyName = std::string;
using ErrorName = std::string;
#endif

/// The D-Bus error to throw from a method of an sdbus-c++ adaptor.
inline sdbus::Error make_error(const char* name, const std::string& message)
{
    return sdbus::Error(ErrorName(name), message);
}

}  // namespace drvbus::bus

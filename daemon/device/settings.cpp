// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device/settings.hpp"

#include <algorithm>

namespace drvbus::device {

bool Settings::writes() const
{
    return std::ranges::any_of(setup, &SetupStep::writes) || std::ranges::any_of(rearm, &SetupStep::writes) ||
           (eventfd_step && eventfd_step->writes());
}

}  // namespace drvbus::device

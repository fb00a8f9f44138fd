// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/errno.hpp"

#include <system_error>

namespace drvbus {

int check(int result, const char* what)
{
    if (result < 0)
        throw std::system_error(-result, std::generic_category(), what);
    return result;
}

}  // namespace drvbus
